# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What the tests in shell share: TAP, another user, and waiting for something to become true.

count=0
failed=0

# check RESULT DESCRIPTION: $dir/err, where a test has it, is what was said of a failure.
check() {
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count $2"
	else
		echo "not ok $count $2"
		[ ! -s "${dir:-/nowhere}/err" ] || sed 's/^/# /' "$dir/err"
		# shellcheck disable=SC2034 # the tests exit with it
		failed=1
	fi
}

skip() { # description reason
	count=$((count + 1))
	echo "ok $count $1 # SKIP $2"
}

skip_all() {
	echo "1..0 # SKIP $1"
	exit 4
}

# until_true COMMAND...: waits for it for up to 5 s.
until_true() {
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do
		"$@" && return
		sleep 0.2
	done
	return 1
}

# as_other COMMAND: as the user that find_other has found.
as_other() {
	su -s /bin/sh "$other" -c "PATH=$PATH; $1"
}

# find_other: sets other, or fails: it takes root, and another user.
find_other() {
	other=$(sed -nE 's/^(user|nobody):.*/\1/p' /etc/passwd | head -n 1)
	[ "$(id -u)" -eq 0 ] && as_other true 2>/dev/null && return
	other=
	return 1
}
