# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What every script shares: the folders, the voice, the locks, and a clean exit.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
# shellcheck disable=SC2034 # the folders are for the scripts that read this file
{
	scripts=$top/scripts
	build=$top/build
	cache=$(realpath -m "${MSGPASS_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/msgpass}")
}

# A make above must not hand its -j, -n or jobserver down to the makes below.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
export LC_ALL=C
umask 022

# The cleanup runs from EXIT; without these a signal to bash alone would skip it.
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

say() {
	printf '%s\n' "$*"
}

note() {
	printf '%s\n' "$*" >&2
}

die() {
	note "${0##*/}: $*"
	exit 1
}

# quiet WHAT COMMAND...: the output of a step matters only when the step fails.
quiet() {
	local what=$1 output
	shift

	if [[ ${V:-0} != 0 ]]; then
		"$@" >&2
		return
	fi
	output=$("$@" 2>&1) || {
		note "$output"
		die "$what failed"
	}
}

# lock FOLDER WHAT: one run at a time; held until unlock, or the script's end.
lock() {
	exec {lock_fd}<"$1"
	flock --nonblock "$lock_fd" && return
	note "waiting for another run: $2"
	flock "$lock_fd"
}

unlock() {
	exec {lock_fd}<&-
}

# need_space FOLDER MEGABYTES
need_space() {
	local free

	mkdir -p "$1" || die "cannot write to $1"
	free=$(df --output=avail -BM "$1" | tail -n 1 | tr -dc 0-9)
	((free >= $2)) || die "not enough space in $1: $2 MB needed, $free MB free" \
		"(MSGPASS_CACHE= chooses another place for kernels)"
}

# source_commit PATHSPEC...: the commit that the sources are of, and whether they have been changed. What
# scripts write about them is left out, as the arguments name it.
source_commit() {
	local commit

	commit=$(git -C "$top" log -1 --format=%H -- . "$@" 2>/dev/null) ||
		{ echo unknown-dirty; return; }
	commit=$(git -C "$top" describe --always "$commit")
	[[ ! $(git -C "$top" status --porcelain -- . "$@") ]] || commit+=-dirty
	echo "$commit"
}

# make(1) and kbuild split paths at spaces.
[[ "$top$cache" != *[[:space:]]* ]] || die "cannot work in a path with a space: $top, $cache"
