# SPDX-License-Identifier: GPL-2.0-only
#
# The benchmark's figures as tables: see scripts/bench-report. Of each workload there is one, with a row
# for each transport. Its columns are sizes, or, where there is only one size, the parameter's values;
# where both differ, there is a table for each value of the parameter.

BEGIN {
	# The workloads in their order; % is the value of the parameter.
	title("floor", "Floors: what a system call costs before it does anything")
	title("self", "Send and receive one's own message, without a switch")
	title("cgroup", "The same in a memory cgroup, two levels deep")
	title("pingpong", "Round trip between two processes")
	title("pingpong-busy", "The same, beside a process that computes on the same processor")
	title("stream", "One way, per message, at most % queued")
	title("stream-first", "One way, the first 2400 messages, at most % queued")
	title("fanin", "From N processes to one, per message", "N=%")
	title("fanout", "From one process to N, per message", "N=%")
	title("depth", "Send N, then receive N, per message", "N=%")
	title("selective", "Receive from one process, behind N messages of others", "N=%")
	title("mailboxes", "Send and receive one's own message, while there are N mailboxes or queues", "N=%")
	title("epoll", "Send, epoll_wait and receive, with N mailboxes or queues watched", "N=%")
	title("pairs", "N pairs of processes at the same time, per round trip of one pair", "N=%")
	title("first", "The first message to a new process")
	title("create", "Create and delete")
	title("memory", "Memory")
}

function title(workload, text, label) {
	workloads[++workload_count] = workload
	titles[workload] = text
	labels[workload] = label
}

$1 == "fact" {
	fact[$2] = $3
	next
}

# FIELD: 2 run, 3 workload, 4 transport, 5 size, 6 parameter, 7 value, 8 unit, 9 spread, 10 more
# What is left out for the same reason is one line.
$8 == "left out" {
	if (!(($3, $4, $7) in omitted)) {
		omitted[$3, $4, $7] = 1
		if (!($7 in omissions))
			reasons[++reason_count] = $7
		omissions[$7] = omissions[$7] (omissions[$7] ? ", " : "") $3 "/" $4
	}
	next
}

# It carries a number and nothing else, beside messages of 64 bytes.
$4 == "eventfd" && $5 == 8 {
	$4 = "eventfd (8 B)"
	$5 = 64
}

{
	# Those of bench-check are in one table with the others; its short form is not shown.
	run = $2 == "peers" ? "gate" : $2
	if (!(($3) in titles))
		title($3, $3)
	value[run, $3, $4, $5, $6] = $7
	more[run, $3, $4, $5, $6] = $10
	unit[run, $3] = $8
	add(run SUBSEP $3, "transports", $4)
	add(run SUBSEP $3, "sizes", $5)
	add(run SUBSEP $3, "parameters", $6)
}

# Sets that keep their order: members[key, what, 1..count[key, what]].
function add(key, what, member) {
	if ((key, what, "has", member) in members)
		return
	members[key, what, "has", member] = 1
	members[key, what, ++count[key, what]] = member
}

# Numbers ascending, by insertion.
function sort_numbers(key, what, i, j, moved) {
	for (i = 2; i <= count[key, what]; i++) {
		moved = members[key, what, i]
		for (j = i - 1; j > 0 && members[key, what, j] + 0 > moved + 0; j--)
			members[key, what, j + 1] = members[key, what, j]
		members[key, what, j + 1] = moved
	}
}

function short_size(bytes) {
	if (bytes >= 1048576 && bytes % 1048576 == 0)
		return bytes / 1048576 " MiB"
	if (bytes >= 1024 && bytes % 1024 == 0)
		return bytes / 1024 " KiB"
	return bytes " B"
}

function short_number(number) {
	if (number == "")
		return "-"
	if (number >= 1000000)
		return sprintf("%.0fk", number / 1000)
	if (number >= 100000)
		return sprintf("%.1fk", number / 1000)
	return sprintf("%.0f", number)
}

function ratio(number, to) {
	return number == "" || to == "" || to + 0 == 0 ? "-" : sprintf("%.2f", number / to)
}

# Tables are padded, so that they can be read as they are.
function cell(row, column, text) {
	cells[row, column] = text
	if (length(text) > width[column])
		width[column] = length(text)
}

function print_cells(rows, columns, row, column, line) {
	for (row = 0; row <= rows; row++) {
		line = ""
		for (column = 1; column <= columns; column++)
			line = line sprintf(column == 1 ? "| %-*s " : "| %*s ", width[column],
				cells[row, column])
		print line "|"
		if (row)
			continue
		line = ""
		for (column = 1; column <= columns; column++)
			line = line "|" (column == 1 ? "" : "-") dashes(width[column] + 2 - (column > 1) - (column > 1)) \
				(column == 1 ? "" : ":")
		print line "|"
	}
	for (row in cells)
		delete cells[row]
	for (column in width)
		delete width[column]
}

function dashes(length_wanted, text) {
	while (length(text) < length_wanted)
		text = text "-"
	return text
}

# The value of a key in "switches=0.26 share=0.90..1.10".
function extra(text, name, words, i, n) {
	n = split(text, words, " ")
	for (i = 1; i <= n; i++)
		if (index(words[i], name "=") == 1)
			return substr(words[i], length(name) + 2)
	return ""
}

# The figure of a transport in a column, which is a size or a parameter's value.
function at(run, workload, transport, by_size, column, fixed, size, parameter) {
	size = by_size ? column : fixed
	parameter = by_size ? fixed : column
	return run SUBSEP workload SUBSEP transport SUBSEP size SUBSEP parameter
}

# table RUN WORKLOAD BY_SIZE FIXED: FIXED is the parameter of a table by size, and the size of another.
function table(run, workload, by_size, fixed,
		key, what, columns, column, rows, row, transport, there, i, c, reference, name, switching,
		sharing, comparable) {
	key = run SUBSEP workload
	what = by_size ? "sizes" : "parameters"
	# Which columns have anything at all in this table.
	for (i = 1; i <= count[key, what]; i++) {
		there = 0
		for (row = 1; row <= count[key, "transports"]; row++)
			if (at(run, workload, members[key, "transports", row], by_size, members[key, what, i], fixed) in value)
				there = 1
		if (there)
			column[++columns] = members[key, what, i]
	}
	# Ratios are of 64 bytes, or of the largest parameter that the control has.
	reference = column[1]
	for (i = 1; i <= columns; i++)
		if (by_size ? column[i] == 64 : at(run, workload, control, by_size, column[i], fixed) in value)
			reference = column[i]
	for (row = 1; row <= count[key, "transports"]; row++) {
		i = at(run, workload, members[key, "transports", row], by_size, reference, fixed)
		if (extra(more[i], "switches") != "")
			switching = 1
		if (extra(more[i], "share") != "")
			sharing = 1
	}
	name = by_size ? short_size(reference) : labels[workload] ? labels[workload] : "%"
	sub(/%/, reference, name)
	# Where there is nothing to compare with, no ratios.
	comparable = 0
	for (row = 1; row <= count[key, "transports"]; row++)
		if (members[key, "transports", row] == control)
			comparable = at(run, workload, control, by_size, reference, fixed) in value

	cell(0, 1, "")
	for (i = 1; i <= columns; i++) {
		c = by_size ? short_size(column[i]) : labels[workload] ? labels[workload] : "%"
		sub(/%/, column[i], c)
		if (c == "-" || workload == "floor" || workload == "memory")
			c = unit[run, workload]
		cell(0, i + 1, c)
	}
	c = columns + 1
	if (comparable) {
		cell(0, ++c, (name == "-" || columns == 1 ? "" : name " ") "/ " control)
		cell(0, ++c, (name == "-" || columns == 1 ? "" : name " ") "/ pipe")
	}
	if (switching)
		cell(0, ++c, "switches")
	if (sharing)
		cell(0, ++c, "shares")

	for (row = 1; row <= count[key, "transports"]; row++) {
		transport = members[key, "transports", row]
		there = 0
		for (i = 1; i <= columns; i++)
			if (at(run, workload, transport, by_size, column[i], fixed) in value)
				there = 1
		if (!there)
			continue
		cell(++rows, 1, transport)
		for (i = 1; i <= columns; i++)
			cell(rows, i + 1, short_number(value[at(run, workload, transport, by_size, column[i], fixed)]))
		c = columns + 1
		i = at(run, workload, transport, by_size, reference, fixed)
		if (comparable) {
			cell(rows, ++c, ratio(value[i], value[at(run, workload, control, by_size, reference, fixed)]))
			cell(rows, ++c, ratio(value[i], value[at(run, workload, "pipe", by_size, reference, fixed)]))
		}
		if (switching)
			cell(rows, ++c, extra(more[i], "switches") == "" ? "-" : extra(more[i], "switches"))
		if (sharing)
			cell(rows, ++c, extra(more[i], "share") == "" ? "-" : extra(more[i], "share"))
	}
	if (rows)
		print_cells(rows, c)
	for (i in column)
		delete column[i]
}

# All tables of a workload, each under its title.
function tables(run, workload, key, i, text, parameter) {
	key = run SUBSEP workload
	if (!count[key, "transports"])
		return
	sort_numbers(key, "sizes")
	sort_numbers(key, "parameters")
	# A table by size where there are several sizes, or no parameter, or where the title names it.
	if (count[key, "sizes"] == 1 && titles[workload] !~ /%/ && members[key, "parameters", 1] != "-") {
		heading(workload, titles[workload], run)
		table(run, workload, 0, members[key, "sizes", 1])
		return
	}
	for (i = 1; i <= count[key, "parameters"]; i++) {
		parameter = members[key, "parameters", i]
		text = titles[workload]
		if (!sub(/%/, parameter, text) && parameter != "-")
			text = text " (N=" parameter ")"
		heading(workload, text, run)
		table(run, workload, 1, parameter)
	}
}

function heading(workload, text, run) {
	print "\n### " text "\n\n`" workload "`, " unit[run, workload] ":\n"
}

function section(run, text, i, key, any) {
	for (i = 1; i <= workload_count; i++)
		any += count[run SUBSEP workloads[i], "transports"]
	if (!any)
		return
	print "\n## " text
	for (i = 1; i <= workload_count; i++)
		tables(run, workloads[i])
}

function provenance() {
	print "Linux " fact["kernel"] " (" fact["version"] "), " fact["compiler"] ","
	print fact["library"] ", " fact["emulator"] ","
	print fact["date"] ", commit " fact["commit"] "."
}

function report(i) {
	print "<!-- SPDX-License-Identifier: GPL-2.0-only -->"
	print "# What message passing costs"
	print ""
	print "Written by `make bench` from [figures.json](figures.json); `make bench-check` holds later changes to it."
	print ""
	provenance()
	section("gate", "Instructions")
	section("both", "Instructions of two processors together")
	section("wall-1", "Wall time, all on one processor")
	section("wall-2", "Wall time, on two processors")
	section("native-1", "Wall time on this machine, all on one processor")
	section("native-2", "Wall time on this machine, on two processors")
	if (reason_count)
		print "\n## Left out\n"
	for (i = 1; i <= reason_count; i++)
		print "- " reasons[i] ": " omissions[reasons[i]]
}

# A row of the README: the same workload with a few transports.
function quote(text, workload, size, parameter, row, i, names) {
	if (!(("gate", workload, "msgpass", size, parameter) in value))
		return
	row = ++quoted_rows
	cell(row, 1, text)
	for (i = 1; i <= quoted_count; i++)
		cell(row, i + 1, short_number(value["gate", workload, quoted[i], size, parameter]))
}

function readme(i) {
	quoted_count = split("msgpass msgpass-inbox " control " sysv-msg pipe unix-seqpacket", quoted, " ")
	cell(0, 1, "instructions, on one processor")
	for (i = 1; i <= quoted_count; i++)
		cell(0, i + 1, quoted[i])
	quote("64 B: send and receive, no switch", "self", 64, "-")
	quote("64 B: the same in a memory cgroup", "cgroup", 64, "-")
	quote("64 B: round trip", "pingpong", 64, "-")
	quote("64 B: stream, 10 queued", "stream", 64, 10)
	quote("64 B: stream, 1024 queued", "stream", 64, 1024)
	quote("64 B: 8 processes to one", "fanin", 64, 8)
	quote("4 KiB: send and receive", "self", 4096, "-")
	quote("64 KiB: round trip", "pingpong", 65536, "-")
	quote("1 MiB: round trip", "pingpong", 1048576, "-")
	print_cells(quoted_rows, quoted_count + 1)
	print ""
	provenance()
}

END {
	if (part == "readme")
		readme()
	else
		report()
}
