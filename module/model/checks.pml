// SPDX-License-Identifier: GPL-2.0-only
/*
 * What must hold: whenever the lock is free, and when nothing moves any more.
 */

/* mailbox.h, "Invariants, whenever the lock is free", and of each way the same. */
inline invariants()
{
	d_step {
		assert(lock);
		count_resting();
		n = 0;
		for (i : 0 .. MESSAGES - 1) {
			n = n + (state[i] == CLAIMED -> 1 : 0)
		}
		assert(ended || messages == resting + n + vacancies);
		assert(len(receivers) == 0 || (resting == 0 && len(senders) == 0));
		assert(len(senders) == 0 || !room_locked(ANY) || setting || ended);
		assert(senders_waiting == len(senders));
		assert(!ended || messages == 0);
		if
		:: WAYS -> assert(receivers_waiting == len(turns)); way_invariants()
		:: else -> assert(receivers_waiting == len(receivers))
		fi;
		queue_order();
		n = 0; i = 0; resting = 0
	}
}

inline way_invariants()
{
	for (i : 0 .. SOURCES - 1) {
		n = 0;
		y = 0;
		for (x : 0 .. MESSAGES - 1) {
			if
			:: x < made && from[x] == i ->
				n = n + (state[x] == CLAIMED -> 1 : 0);
				y = y + (state[x] == QUEUED -> 1 : 0)
			:: else
			fi
		}
		assert(way_messages[i] == y + n + vacancies_of[i]);
		assert(len(way_queue[i]) == y + n);
		assert(len(way_receivers[i]) == 0 || (y == 0 && len(way_senders[i]) == 0));
		assert(!way_dropped[i] || (way_ended[i] && way_messages[i] == 0 &&
					   len(way_receivers[i]) == 0))
	}
	x = 0; y = 0
}

/* By id; and whatever is in it rests, or is claimed. */
inline queue_order()
{
	y = 0;
	n = len(queue);
	for (i : 1 .. n) {
		queue?x;
		assert(id[x] > y);
		assert(state[x] == QUEUED || state[x] == CLAIMED);
		y = id[x];
		queue!x
	}
	x = 0; y = 0
}

/* When nothing moves any more. */
inline check_tasks()
{
	for (i : 0 .. TASKS - 1) {
		/* No wake-up is lost: whoever sleeps waits, and the invariants hold. */
		assert(!asleep[i] || (on_stack[i] && outcome[i] == WAITING &&
				      !ended && !killed[i]));
		assert(!stuck[i] || !killed[i])
	}
	i = 0;
	assert(len(admitted) == 0)
}

/* A way that is drained was dropped, and so nobody waits for a message by it. */
inline check_ways()
{
	for (i : 0 .. SOURCES - 1) {
		assert(way_dropped[i] == (way_ended[i] && way_messages[i] == 0));
		assert(len(way_receivers[i]) == 0 || !way_dropped[i])
	}
	i = 0
}

inline check_messages()
{
	for (x : 0 .. MESSAGES - 1) {
		there = false;
		for (i : 0 .. TASKS - 1) {
			there = there || (w_message[i] == x && (stuck[i] || asleep[i]))
		}
		assert(!(state[x] == PENDING || state[x] == CLAIMED || state[x] == REVOKED) ||
		       there);
		assert(result[x] != OK || state[x] == RECEIVED || state[x] == QUEUED ||
		       state[x] == CLAIMED || (ended && state[x] != PENDING));
		assert(!(result[x] != OK && result[x] != WAITING) || state[x] == FREED ||
		       state[x] == DROPPED || state[x] == REVOKED)
	}
	i = 0; x = 0; there = false
}
