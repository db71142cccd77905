# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Several checks, one result: what each counted is added up. One that does not count its checks, or
# did not come to count them, counts as one, by its exit status; and one that counted no failure and
# failed, too, is a failure.

passed=0 failed=0 skipped=0
counts='^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$'

# step LOG COMMAND...: its output is shown, and kept; sets step_passed and so on.
step() {
	local log=$1 status=0
	shift

	"$@" 2>&1 | tee "$log" || status=$?
	# A make that fails says so after them.
	if [[ $(grep -E "$counts" "$log" | tail -n 1) =~ $counts ]]; then
		step_passed=${BASH_REMATCH[1]} step_failed=${BASH_REMATCH[2]} step_skipped=${BASH_REMATCH[3]}
		((!status || step_failed)) || step_failed=1
	else
		step_passed=$((status == 0)) step_failed=$((status != 0)) step_skipped=0
	fi
	step_add
}

step_add() {
	passed=$((passed + step_passed)) failed=$((failed + step_failed)) skipped=$((skipped + step_skipped))
}

# steps_end: prints the sum; whether nothing failed and something passed.
steps_end() {
	printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
	((passed && !failed))
}
