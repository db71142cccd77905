# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# One run: a private folder, so that runs at the same time do not meet, and a virtual machine that
# never outlives its script. The ABI is amd64 until somebody uses another.

. "$scripts/lib/abi.sh"
abi_use amd64

# The kernels that check and lint take by themselves; scripts/kernel knows more.
# shellcheck disable=SC2034 # for the scripts that read this file
matrix="6.1 6.12 6.1-rt 6.12-rt"
results=$build/results
run=
run_child=

# shellcheck disable=SC2317 # called by the trap
run_end() {
	trap '' HUP INT TERM
	if [[ $run_child ]]; then
		kill "$run_child" || true
		wait "$run_child" || true
	fi
	[[ ! $run ]] || rm -rf "$run"
}
trap run_end EXIT

# run_sweep: what killed runs have left; a living one holds the lock of its folder.
run_sweep() {
	local folder fd

	for folder in "$build"/run.*; do
		[[ -d $folder ]] || continue
		exec {fd}<"$folder"
		! flock --nonblock "$fd" || rm -rf "$folder"
		exec {fd}<&-
	done
}

run_begin() {
	local fd

	need_space "$build" 300
	run_sweep
	run=$(mktemp -d "$build/run.XXXXXX")
	exec {fd}<"$run"
	flock "$fd"
	mkdir -p "$results"
}

# run_keep FILE NAME: into the results, whole or not at all.
run_keep() {
	mv "$run/$1" "$results/$2"
}

# run_wait COMMAND...: unlike a command in the foreground, a wait lets the traps run at once.
run_wait() {
	local status=0

	"$@" <&0 &
	run_child=$!
	wait "$run_child" 2>/dev/null || status=$?
	run_child=
	return "$status"
}

# run_root KSELFTEST|"" [KERNEL...]: what runs in the guests, once for each ABI of those kernels;
# amd64 where none is named.
run_root() {
	local ksft=$1 kernel
	shift
	(($#)) || set -- amd64

	for kernel; do
		abi_use "$(abi_of "$kernel")"
		[[ ! -d $run/root.$abi ]] || continue
		"$scripts/foreign" "$abi" >/dev/null
		lock "$scripts" "it builds"
		quiet "building the library, programs and tests ($abi)" \
			"$scripts/guest-root" "$abi" "$run/root.$abi" "$ksft"
		unlock
		"$scripts/initramfs" "$run/root.$abi" "$run/root.$abi.cpio"
		ln -sfnT "root.$abi" "$run/root"
	done
}

# run_coverage FOLDER: what the counts of lines are read with, in gcov: other runs may build there.
run_coverage() {
	mkdir -p "$run/gcov"
	cp "$1"/*.{c,h,gcno} "$run/gcov"
}

# run_module RELEASE KDIR [VARIABLE=VALUE...]: that kernel's initramfs, for the ABI in use.
run_module() {
	lock "$scripts" "it builds"
	quiet "building the module for $1" "$scripts/module" "$2" "$build/$1" "${abi_module[@]}" "${@:3}"
	mkdir -p "$run/module/lib"
	cp "$build/$1/module/msgpass.ko" "$run/module/lib"
	[[ " $* " != *" GCOV_PROFILE=y "* ]] || run_coverage "$build/$1/module"
	unlock
	"$scripts/initramfs" "$run/module" "$run/module.cpio"
	# The kernel unpacks one archive after the other.
	cat "$run/root.$abi.cpio" "$run/module.cpio" >"$run/initrd"
}
