// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the module has in queue.c and wait.c.
 */

/* Let everybody else run, with the lock held: see clock(). */
inline preempted_here()
{
	preempted = true;
	!preempted;
}

active proctype clock()
{
end:	do
	:: d_step { preempted -> preempted = false }
	od
}

/* ---- queue.c ---- */

inline msgpass_queue_first(q, first)
{
	d_step {
		first = NONE;
		n = len(q);
		for (i : 1 .. n) {
			q?x;
			if
			:: first == NONE &&
			   (state[x] == QUEUED || MISTAKE == CLAIMED_NOT_PASSED_BY) ->
				first = x
			:: else
			fi;
			q!x
		}
		n = 0; x = 0; i = 0
	}
}

inline msgpass_queue_add(q, m)
{
	d_step {
		there = id[m] != admitted_messages;	/* not the newest: look for its place */
		n = len(q);
		for (i : 1 .. n) {
			q?x;
			if
			:: there && id[x] > id[m] -> q!m; there = false; y = 1
			:: else
			fi;
			q!x
		}
		if
		:: y == 0 -> q!m
		:: else
		fi;
		n = 0; x = 0; y = 0; i = 0; there = false
	}
}

inline msgpass_queue_remove(q, m)
{
	q??eval(m)
}

/* ---- wait.c ---- */

inline msgpass_waiter_init(m)
{
	on_stack[self] = true;
	w_message[self] = m;
	w_id[self] = false;
	outcome[self] = WAITING
}

inline touch(task)
{
	assert(on_stack[task])
}

inline list_del(list, task)
{
	if
	:: list??[eval(task)] -> list??eval(task)
	:: else
	fi
}

/* link, in_way and turn */
inline unlink(task)
{
	d_step {
		list_del(receivers, task);
		list_del(senders, task);
		list_del(synchronous, task);
		list_del(admitted, task);
		if
		:: WAYS ->
			list_del(turns, task);
			for (i : 0 .. SOURCES - 1) {
				list_del(way_receivers[i], task);
				list_del(way_senders[i], task)
			}
			i = 0
		:: else
		fi
	}
}

inline wake_up_process(task)
{
	asleep[task] = false
}

inline msgpass_waiter_release(task, how)
{
	touch(task);
	unlink(task);
	if
	:: MISTAKE == WAKE_BEFORE_OUTCOME -> wake_up_process(task); preempted_here()
	:: else
	fi;
	outcome[task] = how;
	if
	:: task == self					/* see come_locked() */
	:: else ->
		preempted_here();
		if
		:: MISTAKE == TOUCH_AFTER_RELEASE -> touch(task)
		:: else
		fi;
		if
		:: MISTAKE == WAKE_BEFORE_OUTCOME
		:: else ->
			if
			:: woken < WAKEUPS -> wakes = wakes | bit(task); woken++
			:: else ->
				if
				:: MISTAKE == WAKEUPS_OVERFLOW
				:: else -> wake_up_process(task)
				fi
			fi
		fi
	fi
}

/* In any order: they do not meet. */
inline msgpass_wake()
{
	do
	:: d_step {
		wakes != 0 ->
		for (i : 0 .. TASKS - 1) {
			if
			:: wakes & bit(i) ->
				wakes = wakes ^ bit(i);
				wake_up_process(i);
				break
			:: else
			fi
		}
		i = 0
	   }
	:: else -> break
	od
}

/* Sets err. */
inline msgpass_wait()
{
	err = OK;
	do
	:: asleep[self] = MISTAKE != LOOK_BEFORE_STATE;		/* set_current_state() */
	   atomic {					/* the look at the outcome */
		if
		:: outcome[self] == WAITING && !err && killed[self] -> err = EARLY
		:: else
		fi;
		if
		:: outcome[self] != WAITING -> err = OK; asleep[self] = false; break
		:: outcome[self] == WAITING && err -> asleep[self] = false; break
		:: else
		fi;
		if
		:: MISTAKE == LOOK_BEFORE_STATE -> preempted_here(); asleep[self] = true
		:: else
		fi
	   }
end_asleep:						/* schedule() */
	   if
	   :: !asleep[self]
	   :: patience == SOME -> err = EARLY
	   fi
	od
}
