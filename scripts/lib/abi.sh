# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What differs between the ABIs. KERNEL=6.1 is amd64; 6.1-m32 is the same kernel and module with all
# programs built for i386; 6.1-arm64 is another processor, emulated. Nothing else knows of processors.

# abi_of KERNEL: the ABI of its programs.
abi_of() {
	case $1 in
	*/*) echo amd64 ;;
	*-m32) echo m32 ;;
	*-arm64) echo arm64 ;;
	*) echo amd64 ;;
	esac
}

# abi_tools KERNEL...: the purposes of scripts/packages that they add.
abi_tools() {
	local kernel

	for kernel; do
		abi_of "$kernel"
	done | sort -u | grep -vx amd64 || true
}

# abi_use ABI: sets what follows here.
# shellcheck disable=SC2034 # for the scripts that read this file
abi_use() {
	abi=$1
	# Debian's names of the kernel's architecture and of the programs'
	abi_kernel=amd64
	abi_user=amd64
	# What the guest runs of Debian's, where it is not what is installed here: see scripts/foreign.
	abi_packages=(libkmod2 liblzma5 libssl3 libzstd1)
	abi_foreign=$cache/foreign/$abi
	abi_cc=gcc
	# make's variables for programs, and for the module
	abi_make=()
	abi_module=()
	abi_qemu=(qemu-system-x86_64 -M q35)
	abi_cpu=max
	abi_kvm=yes
	abi_console=console=ttyS0
	abi_append=
	# For people: what the kernel's release does not say.
	abi_what=
	# The guest's second to fourth port are ttyS1 to ttyS3.
	abi_ports=()

	case $abi in
	amd64) abi_foreign='' ;;
	m32) abi_use_m32 ;;
	arm64) abi_use_arm64 ;;
	*) die "no such ABI: $abi" ;;
	esac
	[[ ! $abi_foreign ]] || abi_make+=(
		"KMOD_LIBS=-L$abi_foreign -Wl,-rpath-link,$abi_foreign -l:libkmod.so.2")
}

# abi_there: whether programs can be built for the ABI in use.
abi_there() {
	# shellcheck disable=SC2086 # a command and its options
	echo "int main(void) { return 0; }" | $abi_cc -x c -o /dev/null - 2>/dev/null
}

# gcc-multilib would bring the folder of <asm/...>, and remove every cross compiler.
# shellcheck disable=SC2034
abi_use_m32() {
	abi_user=i386
	abi_what=", 32-bit programs"
	abi_cc="gcc -m32 -idirafter /usr/include/x86_64-linux-gnu"
	abi_make=("CC=$abi_cc")
}

# shellcheck disable=SC2034
abi_use_arm64() {
	local prefix=aarch64-linux-gnu

	abi_kernel=arm64
	abi_user=arm64
	abi_packages+=(busybox-static)
	abi_cc=$prefix-gcc
	abi_make=("CC=$abi_cc" "AR=$prefix-ar")
	# Debian's headers ask dpkg what they are to build for, unless told.
	abi_module=(ARCH=arm64 CROSS_COMPILE="$prefix-" DEB_BUILD_ARCH=amd64 DEB_HOST_ARCH=arm64
		DEB_HOST_GNU_TYPE="$prefix")
	abi_qemu=(qemu-system-aarch64 -M virt)
	abi_cpu=neoverse-n1
	abi_kvm=
	# The board has one port, of another kind. The others are PCI cards; what would be ttyS0 leads
	# nowhere, so that the rest have the names that they have elsewhere.
	abi_console=console=ttyAMA0
	abi_ports=(-chardev "null,id=none" -device "pci-serial,chardev=none"
		-device "pci-serial,chardev=serial1" -device "pci-serial,chardev=serial2"
		-device "pci-serial,chardev=serial3")
	# Emulated, a system call takes ten times as long with separate page tables.
	abi_append="kpti=0"
}
