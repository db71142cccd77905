# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The virtual machine. Its ports are files of the run's folder: console, verdict (what the guest
# claims, line by line), screen (what a user sees) and dmesg (the whole log, if it comes to its end).

vm_memory=1G
vm_console=
vm_append=()

# vm_watcher KDIR: print what the kernel was built to find faults with: kasan, kcsan (no kernel has
# both), or nothing.
vm_watcher() {
	sed -nE 's/^CONFIG_(KASAN|KCSAN)=y$/\L\1/p' "$1/.config" 2>/dev/null || true
}

# vm_kernel KDIR: a kernel that watches itself takes more room and time. Most of the time would go
# to kmemleak, and to SLUB's checks of other caches than ours, where KASAN sees the same.
vm_kernel() {
	vm_memory=${MEMORY:-1G}
	vm_console=$abi_console
	vm_append=()
	[[ $(vm_watcher "$1") ]] || return 0
	vm_memory=${MEMORY:-2G}
	[[ $(vm_watcher "$1") == kasan ]] || return 0
	# An interrupt that prints takes the lock of the port, which PROVE_RAW_LOCK_NESTING forbids; and
	# of all that is reported only the first can be ours. The early console has no lock.
	vm_console="earlycon=uart8250,io,0x3f8,115200n8 keep_bootcon console=none"
	vm_append=("slub_debug=-;FZPU,msgpass*" "kmemleak=${KMEMLEAK:-off}")
}

# vm_command ACCEL KERNEL INITRD SCREEN MODE...: sets vm_qemu. ACCEL is kvm, tcg, icount or count.
#
# By icount the machine has one processor, and every clock of it counts instructions, one a nanosecond;
# nothing depends on chance or on the host, so that the same machine does the same, instruction by
# instruction. Its processor has no fast string moves: with them a copy would count each byte.
# By count, two such processors take turns, and the clocks are real: for a plugin that counts.
vm_command() {
	local accel=$1 kernel=$2 initrd=$3 screen=$4 cpus=2
	local options="loglevel=5 oops=panic panic=-1 mitigations=off"
	shift 4
	[[ $accel != icount ]] || cpus=1
	[[ $accel != *count ]] || options+=" nokaslr"

	# Not quiet: the console is all that is left of a kernel that dies.
	vm_qemu=(
		"${abi_qemu[@]}" -no-user-config -nodefaults -display none -no-reboot
		-smp "$cpus" -m "$vm_memory" -kernel "$kernel" -initrd "$initrd"
		-append "$vm_console $options $abi_append ${vm_append[*]} -- $*"
		-serial "file:$run/console" -serial "file:$run/verdict"
		-serial "$screen" -serial "file:$run/dmesg" "${abi_ports[@]}"
	)
	case $accel in
	kvm)
		[[ $abi_kvm ]] || die "ACCEL=kvm: this machine is another one than $abi"
		vm_qemu+=(-accel kvm -cpu host) ;;
	tcg) vm_qemu+=(-accel "tcg,thread=multi" -cpu "$abi_cpu") ;;
	icount | count)
		vm_qemu+=(-accel "tcg,thread=single" -seed 1 -cpu "max,-rdrand,-rdseed,-erms,-fsrm")
		[[ $accel != icount ]] ||
			vm_qemu+=(-icount "shift=0,sleep=off" -rtc "base=2026-01-01T00:00:00,clock=vm") ;;
	*) die "ACCEL=$accel: it is tcg or kvm" ;;
	esac
	rm -f "$run"/{console,verdict,dmesg}
	touch "$run"/{console,verdict,dmesg}
}

# vm_run SECONDS: returns QEMU's status, 124 when the time was over. The kernel kills QEMU when this
# script dies in a way that runs no trap.
vm_run() {
	run_wait setpriv --pdeathsig KILL timeout --kill-after 2 "$1" \
		setpriv --pdeathsig KILL "${vm_qemu[@]}" </dev/null >"$run/qemu" 2>&1
}

# vm_probe KERNEL SECONDS: does that kernel come up by KVM? A device that is there promises nothing.
vm_probe() {
	mkdir -p "$run/probe/"{bin,dev}
	cp /bin/busybox "$run/probe/bin"
	cat >"$run/probe/init" <<-'EOF'
		#!/bin/busybox sh
		/bin/busybox mount -t devtmpfs dev /dev
		echo up >/dev/ttyS1
		/bin/busybox poweroff -f
	EOF
	chmod +x "$run/probe/init"
	"$scripts/initramfs" "$run/probe" "$run/probe.cpio"

	vm_command kvm "$1" "$run/probe.cpio" "file:$run/screen"
	vm_run "$2" && grep -q '^up' "$run/verdict"
}

# vm_accel KERNEL: sets accel, and vm_how for people. The answer is remembered until the host is booted again.
# shellcheck disable=SC2034
vm_accel() {
	local answers answer

	accel=${ACCEL:-tcg}
	vm_how=$accel
	[[ ! ${ACCEL:-} && $abi_kvm && -r /dev/kvm && -w /dev/kvm ]] || return 0

	answers=$cache/accel/$(cat /proc/sys/kernel/random/boot_id)
	answer=$answers/$(sha256sum "$1" | cut -c 1-16)
	if [[ ! -f $answer ]]; then
		rm -rf "$cache/accel"
		mkdir -p "$answers"
		! vm_probe "$1" 8 || accel=kvm
		echo "$accel" >"$answer.$$"
		mv "$answer.$$" "$answer"
	fi
	accel=$(cat "$answer")
	[[ $accel == kvm ]] || vm_how="emulated: /dev/kvm does not boot this kernel here"
}

# vm_death STATUS LIMIT: why the machine ended too early.
vm_death() {
	if (($1 == 124 || $1 == 137)); then
		echo "the virtual machine was stopped at its time limit of $2 s"
	elif (($1)); then
		echo "QEMU failed ($1): $(tail -n 3 "$run/qemu")"
	else
		echo "the virtual machine ended before its work was done"
	fi
}

vm_last_words() {
	echo "the last lines of its console:"
	tail -n 25 "$run/console" | tr -d '\r' | sed 's/^/    /'
}
