# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Debian's archive: as whoever the user is, and with words for what goes wrong.

apt_options=(-q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=2 -o Acquire::http::Timeout=20)

need_debian() {
	local found

	# shellcheck source=/dev/null
	found=$(. /etc/os-release 2>/dev/null && echo "${ID:-} ${VERSION_ID:-}") || found=unknown
	if [[ $found == "debian 12" ]] && command -v apt-get dpkg-query >/dev/null; then
		found=$(dpkg --print-architecture)
		[[ $found == amd64 ]] && return
	fi
	note "$1"
	die "this needs Debian 12 (bookworm) on amd64, and here is: $found"
}

# need_root COMMAND...: what to type as root where this script cannot become it.
need_root() {
	((EUID == 0)) && return
	command -v sudo >/dev/null && sudo -v && return
	die "not root, and sudo does not work here. Type as root: $*"
}

as_root() {
	if ((EUID == 0)); then
		"$@"
	else
		sudo -- "$@"
	fi
}

apt_update() {
	as_root apt-get "${apt_options[@]}" update
}

# apt_reason OUTPUT: what it means.
apt_reason() {
	case $1 in
	*"No space left"* | *"enough free space"*)
		echo "no space left on the disk" ;;
	*"Could not resolve"* | *"Temporary failure"* | *"Could not connect"* | *"Unable to connect"* | \
	*"Network is unreachable"* | *"Connection timed out"* | *"Connection failed"*)
		echo "no network, or Debian's archive does not answer" ;;
	*"Could not get lock"*)
		echo "another package manager is at work" ;;
	*"Unable to locate"* | *"no installation candidate"* | *"select candidate"* | *"No packages found"*)
		echo "apt's sources do not have it (bookworm and bookworm-security are needed)" ;;
	*)
		echo "apt-get failed" ;;
	esac
}

# apt_hopeless OUTPUT: new lists would not help.
apt_hopeless() {
	[[ $(apt_reason "$1") == no* ]]
}

# apt_explain WHAT OUTPUT
apt_explain() {
	grep -E '^(E|W|Err):' <<<"$2" | sort -u | head -n 5 >&2 || note "$2"
	die "$1: $(apt_reason "$2")"
}
