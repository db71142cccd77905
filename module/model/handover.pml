// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the module has in handover.c, first part: what others do under the lock.
 */

#define room_locked(w)	(len(receivers) > 0 || messages < capacity || \
			 (WAYS && way_receivers_of(w) > 0))
#define way_receivers_of(w) ((w) == ANY -> 0 : len(way_receivers[((w) == ANY -> 0 : (w))]))
#define way_of(m)	(WAYS -> from[m] : ANY)
#define msgpass_admits_locked(w) \
	(room_locked(w) && (len(senders) == 0 || MISTAKE == NEWCOMER_OVERTAKES || \
			    (WAYS && way_receivers_of(w) > 0)))
#define msgpass_can_admit_locked() \
	(!ended && len(senders) > 0 && room_locked(ANY) && MISTAKE != NO_ADMISSION)

/* Within atomic: begins a critical section. */
inline msgpass_mailbox_lock()
{
	!lock -> lock = true
}

/* Within atomic: ends it. What else msgpass_mailbox_unlock() does follows in tell(). */
inline msgpass_mailbox_unlock()
{
	invariants();
	assert(released <= placed);			/* no herd */
	d_step {
		f_receiver = NONE; f_selective = NONE; f_sender = NONE; f_message = NONE;
		placed = 0; released = 0; f_full = false;
		readable = readable && READ_POLLERS;
		writable = writable && WRITE_POLLERS;
		woken = 0
	}
	lock = false
}

inline tell_pollers(events, joined, told)
{
	if
	:: d_step { events && joined -> told = true; events = false }	/* Timeline POLL */
	:: d_step { events && !joined -> events = false }
	:: else
	fi
}

/* Sets more: whether one was told, and so others may wait. */
inline tell_ended_locked(way)
{
	more = len(way_receivers[way]) > 0;
	if
	:: more ->
		receivers_waiting--;
		way_receivers[way]?<f_receiver>;
		msgpass_waiter_release(f_receiver, ESRCH);
		more = MISTAKE != END_WAY_TELLS_SOME
	:: else
	fi
}

/* Sets is_empty. No pollers are told of this, and no way is drained by it. */
inline msgpass_mailbox_end_way(way)
{
	do
	:: atomic {
		msgpass_mailbox_lock();
		way_ended[way] = true;
		is_empty = ended || !way_messages[way];
		if
		:: is_empty -> tell_ended_locked(way)
		:: else
		fi;
		msgpass_mailbox_unlock()
	   }
	   msgpass_wake();
	   if
	   :: more
	   :: else -> break
	   fi
	od
}

/* It is dropped once, after everybody was told. */
inline msgpass_link_drop(way)
{
	assert(way_ended[way] && way_messages[way] == 0 && !way_dropped[way]);
	way_dropped[way] = true
}

/* The rest of msgpass_mailbox_unlock(), the lock dropped. */
inline tell()
{
	msgpass_wake();
#if WAYS
	if
	:: drained != ANY ->
		msgpass_mailbox_end_way(drained);
		atomic { msgpass_link_drop(drained); drained = ANY }
	:: else
	fi;
#endif
	tell_pollers(readable, joined_reader, told_reader);
	tell_pollers(writable, joined_writer, told_writer)
}

/* Nobody reads the queue of a way of a mailbox that has ended: what it leads to is freed. */
inline enqueue_locked(m)
{
	assert(!ended);
	msgpass_queue_add(queue, m);
	if
	:: WAYS -> msgpass_queue_add(way_queue[from[m]], m)
	:: else
	fi
}

inline dequeue_locked(m)
{
	assert(!ended);
	msgpass_queue_remove(queue, m);
	if
	:: WAYS -> msgpass_queue_remove(way_queue[from[m]], m)
	:: else
	fi
}

inline rest_locked(m)
{
	assert(!(lent & bit(m)));
	state[m] = QUEUED
}

/* P3: nothing that its sender sent before is left behind. */
inline check_order(m)
{
	d_step {
		for (i : 0 .. MESSAGES - 1) {
			assert(!(i < m && from[i] == from[m] &&
				 (state[i] == QUEUED || state[i] == PENDING)))
		}
		i = 0
	}
}

/* With no turn: see turns. */
inline wait_locked(waiters)
{
	waiters!self
}

/* What takes one line there. */
inline claim(m)
{
	check_order(m);
	state[m] = CLAIMED;
	if
	:: MISTAKE == CLAIM_NOT_COUNTED -> messages--
	:: else
	fi
}

/* The claim is over, one way or another. */
inline unclaim(m)
{
	assert(state[m] == CLAIMED);
	if
	:: MISTAKE == CLAIM_NOT_COUNTED -> messages++
	:: else
	fi
}

/* msgpass_waiter_earlier(): by turn. */
inline msgpass_waiter_earlier()
{
	d_step {
		n = len(turns);
		there = false;
		for (i : 1 .. n) {
			turns?x;
			if
			:: !there && (x == f_receiver || x == f_selective) ->
				there = true;
				y = x
			:: else
			fi;
			turns!x
		}
		if
		:: there -> f_receiver = y
		:: else
		fi;
		n = 0; i = 0; x = 0; y = 0; there = false
	}
}

/* With hand_over_locked(). */
inline place_locked(m)
{
	placed++;
	f_receiver = NONE;
	f_selective = NONE;
	if
	:: len(receivers) > 0 -> receivers?<f_receiver>
	:: else
	fi;
	if
	:: WAYS && len(way_receivers[from[m]]) > 0 ->
		way_receivers[from[m]]?<f_selective>
	:: else
	fi;
	if
	:: WAYS -> msgpass_waiter_earlier()
	:: else
	fi;
	if
	:: f_receiver == NONE ->
		rest_locked(m);
		readable = true
	:: else ->
		claim(m);
		touch(f_receiver);
		if
		:: MISTAKE == OUTCOME_BEFORE_MESSAGE
		:: else -> w_message[f_receiver] = m
		fi;
		receivers_waiting--;
		released++;
		msgpass_waiter_release(f_receiver, OK);
		if
		:: MISTAKE == OUTCOME_BEFORE_MESSAGE -> w_message[f_receiver] = m
		:: MISTAKE == HERD && len(receivers) > 0 ->
			receivers?<f_receiver>;				/* MISTAKE */
			receivers_waiting--;				/* MISTAKE */
			released++;					/* MISTAKE */
			msgpass_waiter_release(f_receiver, EAGAIN)
		:: else
		fi
	fi
}

inline msgpass_enter_locked(m)
{
	enqueue_locked(m);
	place_locked(m)
}

inline count_in_way_locked(m)
{
	way_messages[from[m]]++
}

/* Who waits for admission is admitted first come, first served. */
inline check_first(m)
{
	d_step {
		for (i : 0 .. MESSAGES - 1) {
			assert(!(i < m && state[i] == PENDING && (!WAYS || from[i] == from[m])))
		}
		i = 0
	}
}

inline msgpass_admit_locked(m)
{
	check_first(m);
	admitted_messages++;
	id[m] = admitted_messages;
	messages++;
	if
	:: WAYS -> count_in_way_locked(m)
	:: else
	fi;
	if
	:: waited_for[m] ->
		touch(sent_by[m]);
		w_id[sent_by[m]] = true;
		synchronous!sent_by[m]
	:: else
	fi;
	msgpass_enter_locked(m)
}

inline admit_sender_locked(is_late)
{
	touch(f_sender);
	f_message = w_message[f_sender];
	unlink(f_sender);
	senders_waiting--;
	msgpass_admit_locked(f_message);
	if
	:: !waited_for[f_message] ->
		w_id[f_sender] = true;
		if
		:: LATE && is_late -> msgpass_late_add_locked()
		:: else -> msgpass_waiter_release(f_sender, OK)
		fi
	:: else
	fi
}

inline msgpass_admit_waiting_locked(is_late)
{
	if
	:: msgpass_can_admit_locked() ->
		senders?<f_sender>;
		admit_sender_locked(is_late)
	:: else
	fi
}

inline msgpass_leave_locked(m)
{
	f_full = joined_writer && !msgpass_admits_locked(ANY);
	messages--;
	if
	:: WAYS ->
		way_messages[from[m]]--;
		if
		:: !way_messages[from[m]] && way_ended[from[m]] &&
		   MISTAKE != DRAINED_NOT_TOLD -> drained = from[m]
		:: else
		fi
	:: else
	fi;
	msgpass_admit_waiting_locked(true);
	msgpass_late_left_locked();
	if
	:: f_full && msgpass_admits_locked(ANY) -> writable = true
	:: else
	fi
}
