# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Planted faults: a kernel that looks for faults, and finds none, proves something only if it is
# awake. So selftests/planted makes one fault for each detector, and each is to be reported.

# planted_faults WATCHER: "BOOT FAULT DETECTOR WORDS..." for each fault that such a kernel is to
# report, with an extended regular expression of what it says then. What lockdep sees comes first: any
# other report switches it off, and its own does, too, so that two of them take two boots.
planted_faults() {
	case $1 in
	kasan)
		cat <<-'EOF'
			1 rcu-unlocked PROVE_RCU WARNING: suspicious RCU usage
			1 lock-inversion PROVE_LOCKING WARNING: possible circular locking dependency
			1 sleep-in-atomic DEBUG_ATOMIC_SLEEP BUG: sleeping function called from invalid context
			1 shift UBSAN UBSAN: shift-out-of-bounds
			1 list-add DEBUG_LIST list_add double add
			1 refcount REFCOUNT refcount_t: underflow
			1 active-timer DEBUG_OBJECTS ODEBUG: free active .*timer_list
			1 use-after-free KASAN BUG: KASAN: (slab-)?use-after-free in .*\[planted\]
			1 out-of-bounds KASAN BUG: KASAN: slab-out-of-bounds in .*\[planted\]
			1 red-zone SLUB_DEBUG Right Redzone overwritten
			1 hung-task DETECT_HUNG_TASK INFO: task insmod:[0-9]+ blocked for more than
			2 lock-nesting PROVE_RAW_LOCK_NESTING BUG: Invalid wait context
			2 leak DEBUG_KMEMLEAK kmemleak: [0-9]+ new suspected memory leaks
		EOF
		;;
	kcsan)
		cat <<-'EOF'
			1 data-race KCSAN BUG: KCSAN: data-race in .*\[planted\]
			1 sleep-in-atomic DEBUG_ATOMIC_SLEEP BUG: sleeping function called from invalid context
			1 list-add DEBUG_LIST list_add double add
			1 refcount REFCOUNT refcount_t: underflow
			1 hung-task DETECT_HUNG_TASK INFO: task insmod:[0-9]+ blocked for more than
		EOF
		;;
	esac
}

# planted_wanted: who asks for a few tests wants a quick answer.
planted_wanted() {
	[[ ${PLANTED:-} == on || (${PLANTED:-} != off && ! ${TEST:-}) ]]
}

# planted_module RELEASE KDIR: its initramfs.
planted_module() {
	local folder=$build/$1/planted

	lock "$scripts" "it builds"
	mkdir -p "$folder" "$run/planted/lib"
	find "$folder" -type l -delete
	ln -s -t "$folder" "$top"/selftests/planted/{Kbuild,*.[ch]}
	quiet "building the planted faults for $1" make -C "$2" M="$folder" modules
	cp "$folder/planted.ko" "$run/planted/lib"
	unlock
	"$scripts/initramfs" "$run/planted" "$run/planted.cpio"
	cat "$run/root.$abi.cpio" "$run"/{module,planted}.cpio >"$run/initrd"
}

# planted_boot BOOT KERNEL KDIR: says what stayed silent; adds to planted_count and planted_silent.
planted_boot() {
	local boot=$1 kernel=$2 kdir=$3 limit=300 status attempt row fault detector words
	local -a faults

	mapfile -t faults < <(planted_faults "$watcher" | awk -v boot="$boot" '$1 == boot { print $2 }')
	((${#faults[@]})) || return 0
	KMEMLEAK=$([[ " ${faults[*]} " == *" leak "* ]] && echo on || echo off) vm_kernel "$kdir"
	[[ $watcher != kasan ]] || vm_append+=("slub_debug=-;FZPU,planted*" kasan_multi_shot)
	for attempt in 1 2; do
		status=0
		vm_command "$accel" "$kernel" "$run/initrd" "file:$run/screen" planted "${faults[@]}"
		vm_run "$limit" || status=$?
		((attempt == 1)) || break
		complained_early || break
	done

	if ! grep -qx end "$run/verdict"; then
		vm_death "$status" "$limit"
		vm_last_words
		planted_silent=$((planted_silent + 1))
	fi
	sed -n 's/^fault //p' "$run/verdict"
	while read -r row fault detector words; do
		[[ $row == "$boot" ]] || continue
		planted_count=$((planted_count + 1))
		awk -v fault="$fault" '
			{ sub(/\r$/, "") }
			/planted: [a-z-]+$/ { inside = $NF == fault; next }
			inside' "$run/console" | grep -E -- "$words" >/dev/null && continue
		echo "detector $detector stayed silent: it did not report the planted fault $fault"
		planted_silent=$((planted_silent + 1))
	done < <(planted_faults "$watcher")
}

# planted NAME RELEASE KERNEL KDIR: counts each silent detector as a failure.
planted() {
	local name=$1 release=$2 kernel=$3 kdir=$4
	local start=$SECONDS boot planted_count=0 planted_silent=0 result="all reported"

	planted_module "$release" "$kdir"
	for boot in 1 2; do
		planted_boot "$boot" "$kernel" "$kdir"
		[[ ! -f $run/console ]] || run_keep console "$name.planted$boot"
	done
	((!planted_silent)) || result="$planted_silent failed"
	failed=$((failed + planted_silent))
	say "$release: $planted_count planted faults, $result in $((SECONDS - start)) s"
}
