#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The programs to copy from, userlib/examples: each holds what it says, and leaves nothing behind.
# They are in $MSGPASS_EXAMPLES.

. "$(dirname "$0")/tap.sh"

examples=${MSGPASS_EXAMPLES:-/usr/lib/msgpass/examples}
dir=

# shellcheck disable=SC2317 # the trap calls it
clean_up() {
	rm -rf "$dir"
}

# run PROGRAM: what it writes is in $dir/out.
run() {
	timeout 30 "$examples/$1" >"$dir/out" 2>&1
	code=$?
	[ $code -eq 0 ] && return
	echo "# $1: exit code $code"
	sed 's/^/# it wrote: /' "$dir/out"
	return 1
}

# says LINE...: each is one of those that were written, as a whole; a pattern of grep -E.
says() {
	for line; do
		grep -qxE "$line" "$dir/out" && continue
		echo "# no line: $line"
		sed 's/^/# it wrote: /' "$dir/out"
		return 1
	done
}

# example ROW PROGRAM WHAT LINE...
example() {
	row=$1 program=$2 what=$3
	shift 3
	programs="$programs $program"
	run "$program" && says "$@"
	check $? "$row example $program: $what"
}

test_direct() {
	example M1_20 conversation "the answer of exactly the process that was asked" \
		'asked: What do you get\?' 'answered: Forty-two\.' 'and then: By the way\.\.\.'
	example M1_21 textbook/direct "P and Q as printed" \
		'Q: from process [0-9]+ to process [0-9]+: 6 \* 7' \
		'P: from process [0-9]+ to process [0-9]+: 42'
	example M2_20 receive-any "who asked is told, and answered" \
		"server: process [0-9]+ of user $(id -u) asks" \
		'client [0-9]+: 3 \* 3 = 9' 'server: answered 3 clients, each its own question'
	example M3_20 links "one for a pair, gone with either" \
		'link [0-9]+: processes [0-9]+ and [0-9]+, 3 messages one way, 3 the other' \
		'process [0-9]+ has ended, and its link with it'
	example M4_20 by-pidfd "by pid, pidfd and key, before it opens the device" \
		'received: by pid' 'received: by pidfd' 'received: by key' \
		'ended: its key and its pidfd say ESRCH, .*'
}

test_indirect() {
	example M5_20 worker-pool "each job is done exactly once" \
		'100 jobs, each done exactly once by one of 4 workers'
	example M5_21 textbook/producer-consumer "as printed" \
		'produced item 1' 'produced item 10' \
		'consumed item 1: message 1, 7 bytes, from process [0-9]+' \
		'consumed item 10: message 10, 8 bytes, from process [0-9]+'
	example M6_20 owned "its owner's death is told" \
		'client: only the owner may receive' \
		'client: the owner ended while I waited \(EIDRM\)' 'client: and its name is free'
	example M7_20 notice-board "left by one process, read by a later one" \
		'process [0-9]+ reads: Back in five minutes\. \(process [0-9]+ left it\)' \
		'deleted: now there is no .*'
}

test_waits() {
	example M8_20 synchronous "released by admission, or by receipt" \
		'sender: released, with 1 resting and 0 received' \
		'sender: released, with 0 resting and 2 received'
	example M9_20 nonblocking "EAGAIN by flag and by O_NONBLOCK" \
		'with MSGPASS_NONBLOCK: sent 3 until it was full, received 3 until it was empty' \
		'with O_NONBLOCK: sent 3 until it was full, received 3 until it was empty'
	example M9_21 textbook/nonblocking "as printed" 'consumed item 1' 'consumed item 10'
	example M10_20 deadline "one for a series of calls" \
		'full for 50 ms: the third message was withdrawn' \
		'received 2 messages within 50 ms'
	example M18_20 interrupted "a wait, and signals" \
		'and the wait ends with EINTR; the receiver calls again' \
		'and the wait goes on' 'SIGSTOP, SIGCONT: the wait goes on' \
		'and receives the message'
}

test_mailboxes() {
	example M11_20 rendezvous "sent, sender blocked, received, sender released" \
		'0\. nobody waits: a non-blocking send is EAGAIN' \
		'2\. sender blocked: 1 sender waits, 0 messages rest' \
		'3\. received: hello' '4\. sender released'
	example M11_21 unbounded "a sender never waits" \
		'received 20000 of 20000 in the order sent, 0 were dropped for the quota'
	example M12_20 fixed-size "fixed and variable" \
		'7 bytes: refused \(EMSGSIZE\)' '8 bytes: sensor 7, 21\.5 degrees' \
		'20 bytes: as long as it takes'
	example M13_20 epoll-loop "a socket, a mailbox and the inbox" \
		'from the socket: a' 'from the mailbox: b' 'from the inbox: c'
	example M14_20 attributes "found, read and changed" \
		'mailbox, full: capacity 2, up to 100 bytes each, 2 messages' \
		'shrunk, and nothing lost: capacity 1, up to 100 bytes each, 5 messages' \
		'inbox: capacity 1000, .*'
	example M15_20 permissions "mode bits, and whom an inbox accepts" \
		'open to send: permitted' 'open to receive: refused' \
		'accept nobody: the message of process [0-9]+ was refused' \
		'accept anyone: the message of process [0-9]+ was accepted'
	example M16_20 quota "EDQUOT, whatever the mailbox" \
		'this user may queue [0-9]+ bytes: no more after [0-9]+' \
		'nor in another mailbox' 'one received, and another of [0-9]+ bytes can be sent'
}

test_processes() {
	example M17_20 fork "a child is itself, also after exec" \
		'child received: to the child' 'parent received: to the parent' \
		'child, after exec, received: a note to myself'
	example M17_21 threads "any thread may receive" \
		'100 messages, each received by one of 4 threads'
}

test_other() {
	if ! find_other; then
		skip "M15_21 all of them as an ordinary user" "needs root, and another user"
		return
	fi
	result=0
	for program in $programs; do
		as_other "timeout 30 $examples/$program" >"$dir/out" 2>&1 && continue
		echo "# $program"
		sed 's/^/# it wrote: /' "$dir/out"
		result=1
	done
	check $result "M15_21 all of them as an ordinary user"
}

# shellcheck disable=SC2317 # until_true calls it
none_runs() {
	for process in /proc/[0-9]*; do
		case $(readlink "$process/exe") in
		"$examples"/*) return 1 ;;
		esac
	done
}

test_nothing_left() {
	until_true none_runs
	check $? "M17_22 none of them leaves a process behind"
	if ! command -v msgpass >/dev/null; then
		skip "M7_21 none of them leaves a mailbox behind" "no msgpass in PATH"
		return
	fi
	msgpass ls >"$dir/after"
	diff "$dir/before" "$dir/after" | sed 's/^/# /'
	cmp -s "$dir/before" "$dir/after"
	check $? "M7_21 none of them leaves a mailbox behind"
}

[ -x "$examples/conversation" ] || skip_all "no examples in $examples: set MSGPASS_EXAMPLES"
[ -c /dev/msgpass ] || skip_all "msgpass is not loaded"
dir=$(mktemp -d) || skip_all "no temporary folder"
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

programs=
[ ! "$(command -v msgpass)" ] || msgpass ls >"$dir/before"
echo "TAP version 13"
echo "1..26"
test_direct
test_indirect
test_waits
test_mailboxes
test_processes
test_other
test_nothing_left
exit $failed
