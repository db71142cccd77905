# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the benchmark's scripts share: the machine that it runs in, and one boot of it. The archive that
# the machine unpacks is the same wherever it was built: figures that are exact must not depend on the
# length of a folder's name.

# bench_machine: sets release, image and kdir, and builds all that the machine runs.
bench_machine() {
	local found ksft folder

	[[ ${KERNEL:=6.1} != *[[:space:]]* ]] || die "KERNEL=\"$KERNEL\": the benchmark takes one kernel"
	[[ $(abi_of "$KERNEL") == amd64 ]] || die "KERNEL=$KERNEL: the benchmark runs on amd64"
	"$scripts/packages" fetch build test vm
	found=$("$scripts/kernel" "$KERNEL")
	IFS=$'\t' read -r release image kdir <<<"$found"
	ksft=$("$scripts/kernel-source")/tools/testing/selftests

	run_begin
	folder=$build/bench/$release
	lock "$scripts" "it builds"
	quiet "building the benchmark" "$scripts/guest-root" "$abi" "$run/root" "$ksft" bench
	quiet "building the module for $release" "$scripts/module" "$kdir" "$folder" \
		KCFLAGS="-fmacro-prefix-map=$folder/="
	cp "$folder/module/msgpass.ko" "$run/root/lib"
	cp "$build/$abi/selftests/bench/bench" "$run/bench"
	unlock
	objcopy --strip-debug --remove-section .note.gnu.build-id "$run/root/lib/msgpass.ko"
	"$scripts/initramfs" "$run/root" "$run/initrd"
	vm_kernel "$kdir"
}

# bench_boot ACCEL PLUGIN|"" ARGUMENT...: run the program with these arguments. What it printed is in
# the run's screen; dies when it did not end as it should.
bench_boot() {
	local accel=$1 plugin=$2 limit=${TIMEOUT:-3600} status=0 wrong
	shift 2

	vm_command "$accel" "$image" "$run/initrd" "file:$run/screen" bench "$@"
	[[ ! $plugin ]] || vm_qemu+=(-plugin "$plugin")
	: >"$run/screen"
	vm_run "$limit" || status=$?
	sed -i 's/\r$//' "$run/screen"
	wrong=$(bench_wrong "$status" "$limit")
	[[ ! $wrong ]] || die "$wrong"
}

# bench_wrong STATUS LIMIT: what is, a line each.
bench_wrong() {
	local code

	sed -n 's/^fault //p' "$run/verdict"
	"$scripts/splats" "$run/console" "$run/dmesg" || true
	if ! grep -qx end "$run/verdict"; then
		vm_death "$1" "$2"
		vm_last_words
		return
	fi
	code=$(sed -n 's/^bench //p' "$run/verdict")
	[[ $code == 0 ]] || {
		echo "the benchmark ended with $code:"
		sed -n 's/^said //p' "$run/verdict"
	}
}
