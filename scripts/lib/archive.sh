# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Packages of Debian's archive that are unpacked into the cache and never installed. A folder of
# the cache is made under another name beside it and renamed when it is whole.

archive_new=
archive_options=()
archive_state=
trap '[[ ! $archive_new ]] || rm -rf "$archive_new"' EXIT

archive_lock() {
	mkdir -p "$1" || die "cannot write to $1 (MSGPASS_CACHE= chooses another place)"
	lock "$1" "it fills $1"
	# Whoever died with one unfinished no longer holds the lock.
	rm -rf "$1"/.new.*
}

# archive_folder PARENT MEGABYTES: sets archive_new, which is removed unless it is renamed.
archive_folder() {
	need_space "$1" "$2"
	archive_new=$(mktemp -d "$1/.new.XXXXXX")
	chmod 755 "$archive_new"
}

# archive_of ARCHITECTURE: whose packages are meant from now on. Another one's are found by lists of
# our own, so that nothing installed here is ever taken from there.
archive_of() {
	archive_options=()
	archive_state=
	[[ $1 != "$(dpkg --print-architecture)" ]] || return 0
	archive_state=$cache/apt/$1
	mkdir -p "$archive_state"/{lists,archives}/partial || die "cannot write to $cache"
	# As root, apt would warn that its own user cannot enter the folder.
	archive_options=(-o "APT::Architecture=$1" -o "APT::Architectures::=$1"
		-o "Dir::State=$archive_state" -o "Dir::Cache=$archive_state"
		-o Dir::State::status=/dev/null -o "APT::Sandbox::User=$(id -un)")
}

archive_update() {
	if [[ $archive_state ]]; then
		flock "$archive_state" apt-get "${apt_options[@]}" "${archive_options[@]}" update
	else
		apt_update
	fi
}

# archive_apt COMMAND...: again with new lists, when these lack a package or point to a replaced one.
archive_apt() {
	local output what="could not get packages from Debian's archive"

	output=$("$@" 2>&1) && return
	! apt_hopeless "$output" || apt_explain "$what" "$output"
	[[ $archive_state ]] || need_root apt-get update
	output=$(archive_update 2>&1) || true
	output+=$'\n'$("$@" 2>&1) || apt_explain "$what" "$output"
}

archive_lookup() {
	apt-cache "${archive_options[@]}" depends --no-recommends --no-suggests "$1" |
		sed -nE "s/^ *Depends: ($2.*)$/\1/p" | grep .
}

# archive_depends PACKAGE PATTERN: those packages it depends on.
archive_depends() {
	archive_apt archive_lookup "$@"
	archive_lookup "$@"
}

# archive_fetch FOLDER PACKAGE...
archive_fetch() {
	cd "$1" || return
	shift
	# As root, apt would warn that its own user cannot enter the folder.
	archive_apt apt-get "${apt_options[@]}" "${archive_options[@]}" \
		-o APT::Sandbox::User="$(id -un)" download "$@"
	cd "$top" || return
}

# archive_unpack DEB FOLDER: tar complains of every file, and the first says it all.
archive_unpack() {
	local output

	output=$(dpkg-deb --extract "$1" "$2" 2>&1) ||
		die "could not unpack ${1##*/}: $(head -n 1 <<<"$output")"
}
