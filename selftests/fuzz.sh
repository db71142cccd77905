#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A short run of the fuzzer (fuzz/), $MSGPASS_FUZZ_SECONDS, with the seed $MSGPASS_FUZZ_SEED or another
# each time. Its first line says which.

. "$(dirname "$0")/tap.sh"

# A mailbox of an IPC namespace ends a while after that, or when a process that used the device does.
# shellcheck disable=SC2317 # until_true calls it
unused() {
	sh -c ': <>/dev/msgpass'
	[ "$(cat /sys/module/msgpass/refcnt 2>/dev/null)" = "$users" ]
}

# A kernel that watches itself is slow.
seconds=10
for debug in /proc/lockdep_stats /sys/kernel/debug/kcsan; do
	[ ! -e $debug ] || seconds=30
done
seconds=${MSGPASS_FUZZ_SECONDS:-$seconds}

[ -c /dev/msgpass ] || skip_all "msgpass is not loaded"
users=$(cat /sys/module/msgpass/refcnt 2>/dev/null)

echo "TAP version 13"
echo "1..3"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$(dirname "$0")/fuzz" --seconds "$seconds" ${MSGPASS_FUZZ_SEED:+--seed "$MSGPASS_FUZZ_SEED"} >"$dir/out" 2>&1
result=$?
sed 's/^/# /' "$dir/out"
check $result "P12_100 random calls of processes that are killed: nothing that is not promised, nothing left"

grep -qE '^ioctls that succeeded: ([0-9]+) of \1$' "$dir/out"
check $? "P12_101 among them are successes of every ioctl"

until_true unused
check $? "P12_102 and none of them keeps the module"

exit $failed
