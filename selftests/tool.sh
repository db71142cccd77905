#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The tool msgpass: every command, its errors and its exit codes. As root also what another user
# may not, and loading and unloading: of $MSGPASS_KO, where it is set.

. "$(dirname "$0")/tap.sh"

box=tool-$$
dir=

# expect CODE COMMAND...: what it writes is in $dir/out and $dir/err.
expect() {
	wanted=$1
	shift
	"$@" >"$dir/out" 2>"$dir/err"
	code=$?
	[ $code -eq "$wanted" ] && return
	echo "# $*: exit code $code, not $wanted"
	return 1
}

out_is() { # text
	[ "$(cat "$dir/out")" = "$1" ] && return
	sed 's/^/# it wrote: /' "$dir/out"
	return 1
}

err_is() { # text
	[ "$(cat "$dir/err")" = "$1" ]
}

# field NAME: of what stat wrote.
field() {
	sed -n "s/^$1   *//p" "$dir/out"
}

# shellcheck disable=SC2317 # until_true calls it
receiver_waits() {
	msgpass stat "$box" | grep -q '^receivers waiting  *1$'
}

# shellcheck disable=SC2317 # the trap calls it
clean_up() {
	msgpass rm "$box" "$box b" "$box-c" "$box-d" 2>/dev/null
	rm -rf "$dir"
}

test_usage() {
	expect 0 msgpass --help && grep -q '^usage: msgpass' "$dir/out" && [ ! -s "$dir/err" ]
	check $? "--help"
	expect 0 msgpass help send && grep -q -e '--priority' "$dir/out" &&
		expect 0 msgpass recv --help && grep -q -e '--follow' "$dir/out"
	check $? "help of a command"
	expect 0 msgpass --version && grep -q '^msgpass [0-9]' "$dir/out"
	check $? "--version"
	expect 2 msgpass && expect 2 msgpass no-such && expect 2 msgpass help no-such &&
		expect 2 msgpass stat && expect 2 msgpass ls much && expect 2 msgpass send &&
		expect 2 msgpass set "$box" && expect 2 msgpass create "$box" --fixed &&
		expect 2 msgpass create "$box" --mode 777 &&
		expect 2 msgpass create "$box" --capacity many &&
		expect 2 msgpass send "$box" x --sync --nonblock &&
		expect 2 msgpass send "$box" x --priority 32 &&
		expect 2 msgpass recv "$box" --timeout -1 &&
		expect 2 msgpass recv "$box" --no-such &&
		expect 2 msgpass set "$box" --owner no-such-user && expect 2 msgpass key x
	check $? "wrong usage is 2"
	expect 1 msgpass stat "$box" &&
		err_is "msgpass: mailbox '$box': No such file or directory"
	check $? "and a mailbox that is not there is 1"
	[ ! -w /dev/full ] || expect 1 sh -c 'exec msgpass --help >/dev/full'
	check $? "what cannot be written is 1"
}

test_mailboxes() {
	expect 0 msgpass create "$box" && expect 0 msgpass stat "$box" &&
		[ "$(field capacity)" = 10 ] && [ "$(field mode)" = 600 ] &&
		[ "$(field owner)" = system ] && [ "$(field user)" = "$(id -un)" ] &&
		[ "$(field messages)" = 0 ]
	check $? "create: the defaults, and stat"
	expect 1 msgpass create "$box" && err_is "msgpass: mailbox '$box': File exists"
	check $? "create: one that is there"
	expect 0 msgpass create "$box-c" --capacity unbounded --size-max 5 --fixed --mode 666 &&
		expect 0 msgpass stat "$box-c" && [ "$(field capacity)" = unbounded ] &&
		[ "$(field mode)" = 666 ] && [ "$(field 'size (fixed)')" = 5 ]
	check $? "create: all options"
	expect 1 msgpass send "$box-c" four && expect 1 msgpass send "$box-c" sixsix &&
		expect 0 msgpass send "$box-c" -- -five
	check $? "and messages of that size only"
	expect 0 msgpass set "$box-c" --capacity 0 --mode 644 --owner "$(id -u):$(id -g)" &&
		expect 0 msgpass stat "$box-c" && [ "$(field capacity)" = 0 ] &&
		[ "$(field mode)" = 644 ]
	check $? "set"
	expect 0 msgpass create "$box b" && expect 0 msgpass ls &&
		head -n 1 "$dir/out" | grep -q '^NAME  *OWNER  *MODE  *CAPACITY  *MESSAGES' &&
		grep -q "^$box  *$(id -un)  *600  *10  *0  *0  *0  *0\$" "$dir/out" &&
		grep -q "^$box-c  *$(id -un)  *644  *0  *1  *5  *0  *0\$" "$dir/out" &&
		grep -qF "$box\\x20b " "$dir/out" &&
		[ "$(awk '{ print length($0) }' "$dir/out" | sort -u | wc -l)" -eq 1 ]
	check $? "ls"
	expect 1 msgpass rm "$box b" "$box-d" "$box-c" &&
		err_is "msgpass: mailbox '$box-d': No such file or directory" &&
		expect 1 msgpass stat "$box b" && expect 1 msgpass stat "$box-c"
	check $? "rm goes on after a failure"
	expect 0 msgpass create "$box-c" && expect 0 msgpass rm --unlink "$box-c" &&
		expect 1 msgpass rm --unlink "$box-c"
	check $? "rm --unlink"
}

test_messages() {
	expect 0 msgpass send "$box" one && expect 0 msgpass send "$box" two --priority 3 &&
		echo three | expect 0 msgpass send "$box" &&
		expect 0 msgpass recv "$box" && out_is two &&
		expect 0 msgpass recv "$box" --count 2 --raw && out_is onethree
	check $? "send and recv"
	expect 0 msgpass send "$box" '' && expect 0 msgpass recv "$box" --info &&
		grep -qE "^id 4 pid [0-9]+ uid $(id -u) priority 0 size 0: \$" "$dir/out"
	check $? "an empty message, and recv --info"
	yes | head -n 100000 >"$dir/big"
	expect 0 msgpass send "$box" <"$dir/big" && expect 0 msgpass recv "$box" --raw &&
		cmp "$dir/out" "$dir/big"
	check $? "a message larger than the first buffer"
	expect 3 msgpass recv "$box" --nonblock &&
		err_is "msgpass: mailbox '$box': it would block" &&
		expect 3 msgpass recv "$box" --timeout 0.1 &&
		err_is "msgpass: mailbox '$box': timed out"
	check $? "recv: 3 if there is nothing"
	expect 0 msgpass set "$box" --capacity 1 && expect 0 msgpass send "$box" a &&
		expect 3 msgpass send "$box" b --nonblock &&
		expect 3 msgpass send "$box" b --timeout 0.1 &&
		expect 0 msgpass recv "$box" && out_is a &&
		expect 3 msgpass send "$box" b --sync --timeout 0.1 &&
		expect 3 msgpass recv "$box" --nonblock
	check $? "send: 3 if it is full, or not received"
	# shellcheck disable=SC2016 # the inner shell's
	[ ! -w /dev/full ] || { msgpass send "$box" x &&
		expect 1 sh -c 'exec msgpass recv "$0" >/dev/full' "$box"; }
	check $? "recv: a message that cannot be written is told"
}

test_waits() {
	msgpass recv "$box" --follow >"$dir/follow" &
	receiver=$!
	until_true receiver_waits && expect 0 msgpass send "$box" first --sync &&
		expect 0 msgpass send "$box" second --sync && until_true receiver_waits &&
		[ "$(cat "$dir/follow")" = "$(printf 'first\nsecond')" ]
	check $? "recv --follow"
	# In the background, a shell lets SIGINT be ignored.
	kill -TERM $receiver
	wait $receiver
	[ $? -eq 143 ] && expect 0 msgpass send "$box" left &&
		expect 0 msgpass recv "$box" --nonblock && out_is left
	check $? "a signal ends it, and takes no message"
	msgpass recv "$box" 2>"$dir/err" &
	receiver=$!
	until_true receiver_waits && msgpass rm "$box"
	wait $receiver
	[ $? -eq 1 ] && err_is "msgpass: mailbox '$box': the mailbox was deleted, or its owner ended"
	check $? "recv: 1 when the mailbox is deleted"
}

test_processes() {
	sleep 60 &
	process=$!
	expect 0 msgpass send --pid $process hello && expect 0 msgpass key $process &&
		grep -qE '^[1-9][0-9]*$' "$dir/out"
	check $? "send --pid, and key"
	kill $process
	wait $process 2>/dev/null
	expect 1 msgpass send --pid $process hello &&
		err_is "msgpass: process $process: No such process" &&
		expect 1 msgpass key $process
	check $? "and of a process that has ended"
}

# shellcheck disable=SC2317 # until_true calls it
inbox_is_full() {
	expect 0 msgpass ps && awk -v pid="$process" '
		$2 == pid && $5 == 64 && $7 == 1 && $9 == 1 && $1 == user { found = 1 }
		END { exit !found }' user="$(id -un)" "$dir/out"
}

# row A B: of what links wrote, without the time.
row() {
	awk -v a="$1" -v b="$2" '$2 == a && $3 == b || $2 == b && $3 == a {
		$1 = ""; print }' "$dir/out"
}

test_links() {
	sleep 60 &
	process=$!
	# It fills the inbox, and waits.
	producer --pid $process --count 100 >/dev/null 2>&1 &
	sender=$!
	until_true inbox_is_full &&
		head -n 1 "$dir/out" | grep -q '^USER  *PID  *ACCEPTS  *CAPACITY  *MESSAGES'
	check $? "M3_30 ps: an inbox that is full, and who waits"
	expect 0 msgpass links && head -n 1 "$dir/out" | grep -q '^SINCE  *A  *B  *TO-B' &&
		[ "$(row $sender $process | wc -l)" -eq 1 ] &&
		row $sender $process | grep -qE ' (64 [0-9]+ 0 0|0 0 64 [0-9]+)$' &&
		expect 0 msgpass links $process && [ "$(wc -l <"$dir/out")" -eq 2 ] &&
		expect 0 msgpass links $$ && [ "$(wc -l <"$dir/out")" -eq 1 ]
	check $? "M3_31 links: the one of two processes, and those of one"
	kill $sender
	wait $sender 2>/dev/null
	expect 0 msgpass links $process && [ "$(wc -l <"$dir/out")" -eq 1 ]
	check $? "M3_32 and it is gone with one of them"
	kill $process
	wait $process 2>/dev/null
	expect 2 msgpass links x && expect 2 msgpass links 1 2 && expect 2 msgpass ps 1
	check $? "ps and links: wrong usage"
}

test_other() {
	if ! find_other; then
		skip "another user's mailbox" "needs root, and another user"
		skip "set --owner" "needs root, and another user"
		return
	fi
	msgpass create "$box-d"
	expect 1 as_other "msgpass recv $box-d --nonblock" &&
		err_is "msgpass: mailbox '$box-d': Permission denied" &&
		expect 1 as_other "msgpass rm $box-d" &&
		expect 1 as_other "msgpass set $box-d --mode 666" &&
		expect 0 as_other "msgpass ls" && ! grep -q "$box-d" "$dir/out"
	check $? "another user's mailbox"
	expect 0 msgpass set "$box-d" --owner "$other" && expect 0 msgpass stat "$box-d" &&
		[ "$(field user)" = "$other" ] && expect 0 as_other "msgpass rm $box-d"
	check $? "set --owner"
}

test_module() {
	expect 0 msgpass status && [ "$(field module)" = loaded ] &&
		[ "$(field version)" = "$(cat /sys/module/msgpass/version)" ] &&
		[ "$(field user_bytes_max)" = "$(cat /proc/sys/kernel/msgpass/user_bytes_max)" ] &&
		grep -qE '^mailboxes  *[0-9]+$' "$dir/out"
	check $? "status"
	expect 0 msgpass load && out_is "the module is already loaded"
	check $? "load when it is loaded"
	expect 0 msgpass create "$box"
	if [ "$(id -u)" -ne 0 ]; then
		expect 1 msgpass unload
		check $? "unload is not for everybody"
	else
		expect 1 msgpass unload && grep -q "in use" "$dir/err" && [ -c /dev/msgpass ]
		check $? "unload while it is in use"
	fi
	msgpass rm "$box"
	if [ "$(id -u)" -ne 0 ] || [ -z "$MSGPASS_KO" ]; then
		skip "unload" "needs root and MSGPASS_KO"
		skip "without the module" "needs root and MSGPASS_KO"
		skip "load: errors" "needs root and MSGPASS_KO"
		skip "load FILE" "needs root and MSGPASS_KO"
		return
	fi
	expect 0 msgpass unload && [ ! -e /sys/module/msgpass ] && expect 0 msgpass unload &&
		out_is "the module is not loaded"
	check $? "unload"
	expect 1 msgpass status && [ "$(field module)" = "not loaded" ] &&
		expect 1 msgpass ls && grep -q 'is the module loaded' "$dir/err" &&
		expect 1 msgpass recv "$box" && grep -q 'is the module loaded' "$dir/err"
	check $? "without the module"
	expect 1 msgpass load "$dir/none" &&
		err_is "msgpass: $dir/none: No such file or directory" &&
		expect 1 msgpass load "$dir/big" && [ ! -e /sys/module/msgpass ] &&
		{ [ -z "$other" ] || { expect 1 as_other "msgpass load $MSGPASS_KO" &&
			err_is "msgpass: $MSGPASS_KO: you must be root"; }; }
	check $? "load: errors"
	expect 0 msgpass load "$MSGPASS_KO" && [ -c /dev/msgpass ]
	check $? "load FILE"
}

command -v msgpass >/dev/null || skip_all "no msgpass in PATH"
[ -c /dev/msgpass ] || skip_all "msgpass is not loaded"
dir=$(mktemp -d) || skip_all "no temporary folder"
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

echo "TAP version 13"
echo "1..38"
test_usage
test_mailboxes
test_messages
test_waits
test_processes
test_links
test_other
test_module
exit $failed
