# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The rows of selftests/PROMISES.md, and the tests that the sources have for them.

# promise_rows: "P1<tab>No loss<tab>loss wait link" for each, in the order there.
promise_rows() {
	sed -nE 's/^\| ([PM][0-9]+) \| \*\*([^*]*[^*.])\.?\*\* .*\| ([^|]*) \|$/\1\t\2\t\3/p' \
		"$top/selftests/PROMISES.md" |
		awk -F '\t' -v OFS='\t' '{ gsub(/[`,]/, "", $3); print }'
}

# promise_c_tests: "program<tab>test" for each in C, with a number or without.
promise_c_tests() {
	local file

	for file in "$top"/selftests/*.c; do
		{ grep -Pzo '(?m)^TEST(_[A-Z]+)*\([^)]*\)' "$file" || true; } | tr '\n\0' ' \n' |
			sed -E "s/^TEST_F[A-Z_]*\([^,]*,[[:space:]]*/(/; s/^[^(]*\([[:space:]]*([A-Za-z0-9_]+).*/$(
				basename "$file" .c)\t\1/"
	done
}

# promise_shell_tests: the same for those of shell tests that have a number. Where one may be
# skipped, its words stand there twice.
promise_shell_tests() {
	local file

	for file in "$top"/selftests/*.sh; do
		{ grep -oE "[\"'][PM][0-9]+_[0-9]+ [^\"']*" "$file" || true; } | sort -u |
			sed "s/^./$(basename "$file")\t/"
	done
}

# promise_tests: "P1_1<tab>program<tab>test" for each that has a number.
promise_tests() {
	{
		promise_c_tests
		promise_shell_tests
	} | sed -nE 's/^([^\t]*)\t(([PM][0-9]+_[0-9]+)[_ ].*)$/\3\t\1\t\2/p'
}
