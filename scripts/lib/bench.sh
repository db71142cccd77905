# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the benchmark's scripts share: the machine that it runs in, and one boot of it. The archive that
# the machine unpacks is the same wherever it was built: figures that are exact must not depend on the
# length of a folder's name.

# bench_machine: sets release, image, kdir and commit, and builds all that the machine runs.
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
	commit=$(source_commit ':!selftests/bench/results' ':!README.md')
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

# bench_plugin: sets plugin, as bench_boot takes it; what it counts is in the run's counts.
# shellcheck disable=SC2034
bench_plugin() {
	plugin=$run/count.so,out=$run/counts
	quiet "building the plugin" gcc -O2 -Wall -Wextra -shared -fPIC -fvisibility=hidden \
		-o "$run/count.so" "$top/selftests/bench/plugin/count.c"
}

# bench_marked: whether the plugin saw the batches that the program tells of.
bench_marked() {
	[[ $(grep -c '^block$' "$run/counts") == "$(grep -c $'^marked\t' "$run/screen")" ]] ||
		die "the program marked other batches than it told of"
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

# The transport that ratios are against, and the one of bytes.
bench_control=posix-mq
# What bench-check repeats: msgpass in each of its ways, and the control. The figures of a stream depend
# a little on all that ran before it in the same machine, so what is compared is run in one sequence,
# and the other transports in a machine of their own.
# shellcheck disable=SC2034 # for the scripts that read this file
{
	bench_gate=("floor" "*/msgpass*" "*/$bench_control")
	bench_short=("self/msgpass/64" "self/msgpass-inbox/64" "self/$bench_control/64"
		"pingpong/msgpass/64" "pingpong/msgpass-inbox/64" "pingpong/$bench_control/64"
		"stream/msgpass/64" "stream/msgpass-inbox/64" "stream/$bench_control/64")
	bench_kept=$top/selftests/bench/results
}

# bench_take RUN: add what the program has printed to the run's figures: "RUN WORKLOAD TRANSPORT SIZE
# PARAMETER VALUE UNIT SPREAD KEYS", set apart by tabs; what was left out has the unit "left out", and
# the reason for a value. Pairs are for time alone.
bench_take() {
	awk -F '\t' -v OFS='\t' -v run="$1" '
		$2 == "pairs" && run !~ /^(wall|native)/ { next }
		$1 == "figure" {
			keys = ""
			for (i = 9; i <= NF; i++)
				keys = keys (i > 9 ? " " : "") $i
			print run, $2, $3, $4, $5, $6, $7 == "ticks" ? "instructions" : $7, $8, keys
		}
		$1 == "skip" {
			print run, $2, $3, $4, $5, $6, "left out", "", ""
		}' "$run/screen" >>"$run/figures"
}

# bench_facts: "NAME<tab>VALUE" for what figures depend on, and where they are from.
bench_facts() {
	printf '%s\t%s\n' \
		kernel "$release" \
		version "$(sed -n 's/^version //p' "$run/verdict" | sed 's/^.*#/#/')" \
		compiler "$(gcc --version | head -n 1)" \
		library "$(ldd --version | head -n 1)" \
		emulator "$("${abi_qemu[0]}" --version 2>/dev/null | head -n 1)" \
		date "$(date -u +%F)" \
		commit "$commit"
}

# bench_json FACTS FIGURES: both as JSON, a figure a line.
bench_json() {
	awk -F '\t' '
		function quoted(text) {
			gsub(/["\\]/, "\\\\&", text)
			return "\"" text "\""
		}
		FNR == NR {
			printf "%s  %s: %s,\n", FNR == 1 ? "{\n" : "", quoted($1), quoted($2)
			next
		}
		{
			printf "%s    {\"run\": %s, \"workload\": %s, \"transport\": %s, \"size\": %d, " \
				"\"parameter\": %s, ", FNR == 1 ? "  \"figures\": [\n" : ",\n", quoted($1),
				quoted($2), quoted($3), $4, quoted($5)
			printf "\"value\": %s, \"unit\": %s, \"spread\": %s, \"more\": %s}",
				$7 == "left out" ? quoted($6) : $6, quoted($7),
				$7 == "left out" ? "0" : $8, quoted($9)
		}
		END { printf "\n  ]\n}\n" }' "$1" "$2"
}

# bench_read_facts JSON, bench_read JSON: what bench_json was given.
bench_read_facts() {
	sed -nE 's/^  "([a-z]+)": "(.*)",$/\1\t\2/p' "$1"
}

bench_read() {
	sed -nE 's/^    \{"run": "(.*)", "workload": "(.*)", "transport": "(.*)", "size": (.*), "parameter": "(.*)", "value": "?(.*[^"])"?, "unit": "(.*)", "spread": (.*), "more": "(.*)"\},?$/\1\t\2\t\3\t\4\t\5\t\6\t\7\t\8\t\9/p' "$1"
}

# bench_fact NAME FACTS
bench_fact() {
	awk -F '\t' -v name="$1" '$1 == name { print $2 }' "$2"
}
