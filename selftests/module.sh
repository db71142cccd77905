#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Loading and unloading (P12): refused while in use, clean otherwise. Where the
# module is: $MSGPASS_KO, or wherever modprobe finds it.

. "$(dirname "$0")/tap.sh"

# shellcheck disable=SC2317 # until_true calls it
unload() {
	rmmod msgpass 2>/dev/null
}

loaded() {
	grep -q '^msgpass ' /proc/modules
}

load() {
	if [ -n "$MSGPASS_KO" ]; then
		insmod "$MSGPASS_KO"
	else
		modprobe msgpass
	fi
}

[ "$(id -u)" -eq 0 ] || skip_all "needs root"
loaded || skip_all "msgpass is not loaded"
[ -n "$MSGPASS_KO" ] || modprobe -n msgpass 2>/dev/null ||
	skip_all "no msgpass.ko to load again: set MSGPASS_KO"

echo "TAP version 13"
echo "1..9"

# The shell itself uses the device.
exec 3<>/dev/msgpass
! rmmod msgpass 2>/dev/null && loaded
check $? "P12_12 an open descriptor keeps the module"
exec 3>&-

rmmod msgpass
check $? "P12_13 after its last use the module can be unloaded"

[ ! -e /dev/msgpass ] && [ ! -e /proc/sys/kernel/msgpass ]
check $? "P12_14 unloaded, it leaves no device and no sysctl"

! grep -q msgpass /proc/slabinfo
check $? "P12_15 and no cache"

load && [ -c /dev/msgpass ]
check $? "P12_16 it can be loaded again"

# A process that used it, and lives on, does not keep it.
exec 3<>/dev/msgpass
exec 3>&-
rmmod msgpass && load
check $? "P12_17 a process that has used it does not keep it"

# A message is not to be lost, though nobody has the device open.
if command -v msgpass >/dev/null; then
	sleep 60 &
	process=$!
	msgpass send --pid $process hello && ! rmmod msgpass 2>/dev/null && loaded
	check $? "P12_23 a message in an inbox keeps it"
	kill $process
	wait $process 2>/dev/null
	# The end of a process is told a moment after it.
	until_true unload && load
	check $? "P12_24 and no longer than the process lives"
else
	skip "P12_23 a message in an inbox keeps it" "no msgpass in PATH"
	skip "P12_24 and no longer than the process lives" "no msgpass in PATH"
fi

err=0
for _ in 1 2 3 4 5 6 7 8 9 10; do
	exec 3<>/dev/msgpass
	exec 3>&-
	rmmod msgpass && load || err=1
done
check $err "P12_18 the same ten times over"

exit $failed
