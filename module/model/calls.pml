// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the module has in handover.c, second part, lending.c, ending.c and mailbox.c: the calls.
 */

inline msgpass_message_free(m, last)
{
	assert(state[m] < RECEIVED);
	state[m] = last;
	id[m] = 0
}

inline msgpass_revoke_locked(m)
{
	unclaim(m);
	dequeue_locked(m);
	state[m] = REVOKED
}

/* The rest of msgpass_withdraw(): from wherever it is. */
inline withdraw_message()
{
	if
	:: state[message] == PENDING ->
		senders_waiting--;
		msgpass_mailbox_unlock();
		msgpass_message_free(message, FREED)
	:: state[message] == QUEUED ->
		dequeue_locked(message);
		msgpass_leave_locked(message);
		msgpass_mailbox_unlock();
		msgpass_message_free(message, FREED)
	:: state[message] == CLAIMED && MISTAKE == NO_REVOKE ->
		msgpass_mailbox_unlock()
	:: state[message] == CLAIMED && MISTAKE != NO_REVOKE ->
		msgpass_revoke_locked(message);
		msgpass_leave_locked(message);
		msgpass_mailbox_unlock()
	:: else -> assert(false) /* NOT REACHED: if revoked, it has an outcome or has ended */
	fi
}

inline msgpass_withdraw()
{
	atomic {
		msgpass_mailbox_lock();
		if
		:: outcome[self] != WAITING && MISTAKE != WITHDRAW_IGNORES_OUTCOME ->
			err = outcome[self];
			msgpass_mailbox_unlock()
		:: else ->
			unlink(self);
			if
			:: w_message[self] == NONE ->
				/* It is admitted, and was to be told later. */
				msgpass_mailbox_unlock();
				err = OK
			:: else ->
				if
				:: ended && w_id[self] && MISTAKE != WITHDRAW_AFTER_END ->
					/* It went with the mailbox, which has not come to tell us yet. */
					msgpass_mailbox_unlock();
					err = END
				:: else -> withdraw_message()
				fi
			fi
		fi
	}
	tell()
}

inline choose_patience(how)
{
	if
	:: how & FOREVER -> patience = FOREVER
	:: how & SOME -> patience = SOME
	:: how & NOT -> patience = NOT
	fi
}

/* What a send returned, and whether it may. */
inline sent()
{
	d_step {
		on_stack[self] = false;
		if
		:: err == OK && outcome[self] != WAITING -> err = outcome[self]
		:: else
		fi;
		w_message[self] = NONE;
		w_id[self] = false;
		outcome[self] = OK;
		result[message] = err;
		if
		:: err == OK -> assert(!waited_for[message] || state[message] == RECEIVED)
		:: else ->
			assert(state[message] != RECEIVED);
			assert(ended || (state[message] != QUEUED &&
					 state[message] != CLAIMED))
		fi;
		message = NONE;
		patience = 0
	}
}

inline choose_sync()
{
	if
	:: SYNC != 1 -> waited_for[message] = capacity == 0 && patience != NOT
	:: SYNC != 0 -> waited_for[message] = true
	fi
}

/* Sets err. A synchronous send without patience is refused before it comes here. */
inline msgpass_mailbox_send(how)
{
	atomic {
		msgpass_mailbox_lock();
		choose_patience(how);
		message = made;
		made++;
		from[message] = source;
		sent_by[message] = self;
		state[message] = PENDING;
		msgpass_waiter_init(message);
		choose_sync();
		err = OK;
		waits = false;
		if
		:: ended -> err = END
		:: else ->
			if
			:: msgpass_admits_locked(way_of(message)) ->
				msgpass_admit_locked(message);
				waits = waited_for[message]
			:: else ->
				if
				:: patience == NOT -> err = EAGAIN
				:: else ->
					wait_locked(senders);
					if
					:: WAYS -> way_senders[source]!self
					:: else
					fi;
					senders_waiting++;
					msgpass_queue_first(queue, f_message);
					readable = f_message == NONE &&
						   MISTAKE != SENDER_TELLS_NO_READER;
					waits = true
				fi
			fi
		fi;
		msgpass_mailbox_unlock();
		if
		:: err -> msgpass_message_free(message, FREED)
		:: else
		fi
	}
	tell();
	if
	:: waits ->
		waits = false;
		msgpass_wait();
		if
		:: err -> msgpass_withdraw()
		:: else
		fi
	:: else
	fi;
	sent()
}

/* Sets err. */
inline recall_message()
{
	atomic {
		msgpass_mailbox_lock();
		if
		:: outcome[self] != WAITING -> err = outcome[self]
		:: else ->
			unlink(self);
			if
			:: ended -> err = END
			:: else ->
				assert(state[message] == CLAIMED);
				err = EAGAIN;
				outcome[self] = EAGAIN;
				if
				:: MISTAKE == RECALL_DOES_NOT_REVOKE
				:: else ->
					msgpass_revoke_locked(message);
					vacate(message)
				fi
			fi
		fi;
		msgpass_mailbox_unlock()
	}
	tell()
}

/* Sets waits: whether it was lent, and err: EAGAIN if a copy is to be sent in its place. */
inline msgpass_mailbox_lend()
{
	atomic {
		msgpass_mailbox_lock();
		waits = !ended && (len(receivers) > 0 || (WAYS && len(way_receivers[source]) > 0));
		if
		:: waits ->
			patience = SOME;
			message = made;
			made++;
			from[message] = source;
			sent_by[message] = self;
			state[message] = PENDING;
			lent = lent | bit(message);
			waited_for[message] = true;
			msgpass_waiter_init(message);
			msgpass_admit_locked(message);
			place = id[message]
		:: else
		fi;
		msgpass_mailbox_unlock()
	}
	tell();
	if
	:: waits ->
		msgpass_wait();
		if
		:: err -> recall_message()
		:: else -> err = outcome[self]
		fi;
		again = err == EAGAIN;
		sent()
	:: else
	fi
}

/* Where nobody waits for receipt. Sets err. */
inline msgpass_mailbox_send_copy()
{
	atomic {
		msgpass_mailbox_lock();
		message = made;
		made++;
		from[message] = source;
		sent_by[message] = self;
		state[message] = PENDING;
		msgpass_waiter_init(message);
		err = OK;
		if
		:: ended -> err = END; msgpass_message_free(message, FREED)
		:: else ->
			id[message] = place;
			vacancies--;
			vacancies_of[source]--;
			msgpass_enter_locked(message)
		fi;
		place = 0;
		msgpass_mailbox_unlock()
	}
	tell();
	sent()
}

/* Into f_sender. */
inline waiting_sender(way)
{
	f_sender = NONE;
	if
	:: way != ANY && len(way_senders[(way == ANY -> 0 : way)]) > 0 ->
		way_senders[way]?<f_sender>
	:: way == ANY && len(senders) > 0 -> senders?<f_sender>
	:: else
	fi
}

inline come_locked(way)
{
	waiting_sender(way);
	if
	:: way == ANY -> wait_locked(receivers)
	:: else -> wait_locked(way_receivers[way])
	fi;
	if
	:: WAYS -> turns!self
	:: else
	fi;
	receivers_waiting++;
	if
	:: f_sender != NONE && MISTAKE != COME_FORGETS_SENDERS -> admit_sender_locked(false)
	:: else
	fi
}

inline leave_waiting_locked(how)
{
	unlink(self);
	receivers_waiting--;
	outcome[self] = how
}

inline choose_way()
{
	if
	:: way = ANY
	:: WAYS -> way = 0
	:: WAYS && SOURCES > 1 -> way = SOURCES - 1
	fi
}

/* P1, P2: whole in the receiver's memory, once, and its sender was told nothing else. */
inline receipt(m)
{
	assert(state[m] == CLAIMED);
	assert(result[m] == WAITING || result[m] == OK);
	assert(!ended && !killed[self])
}

inline receive_locked(m)
{
	receipt(m);
	unclaim(m);
	dequeue_locked(m);
	state[m] = RECEIVED;			/* msgpass_message_free() */
	if
	:: waited_for[m] -> msgpass_waiter_release(sent_by[m], OK)
	:: else
	fi;
	msgpass_leave_locked(m)
}

/*
 * With msgpass_mailbox_look(), and msgpass_mailbox_take() of what is small, that is of any, at
 * will. Sets err, and message where that is OK and the message was not taken.
 */
inline msgpass_mailbox_claim(how)
{
	atomic {
		msgpass_mailbox_lock();
		choose_patience(how);
		choose_way();
		msgpass_waiter_init(NONE);
		if
		:: way == ANY -> msgpass_queue_first(queue, f_message)
		:: else -> msgpass_queue_first(way_queue[way], f_message)
		fi;
		if
		:: ended ->
			outcome[self] = END;
			msgpass_late_release_some_locked(late)
		:: !ended && f_message != NONE ->
			claim(f_message);
			w_message[self] = f_message;
			outcome[self] = OK
		:: !ended && f_message != NONE && !killed[self] &&
		   !(LENT && (lent & bit(f_message))) ->
			claim(f_message);
			receive_locked(f_message);
			outcome[self] = OK
		:: else ->
			if
			:: way != ANY && way_ended[(way == ANY -> 0 : way)] &&
			   !way_messages[(way == ANY -> 0 : way)] ->
				outcome[self] = ESRCH
			:: else ->
				come_locked(way);
				if
				:: outcome[self] == WAITING && patience == NOT ->
					leave_waiting_locked(EAGAIN)
				:: outcome[self] == WAITING && patience != NOT && way == ANY ->
					writable = messages >= capacity &&
						   MISTAKE != CLAIM_TELLS_NO_WRITER
				:: else
				fi
			fi;
			msgpass_late_release_some_locked(late)
		fi;
		err = outcome[self];
		if
		:: err != WAITING -> patience = 0
		:: else
		fi;
		way = ANY;
		msgpass_mailbox_unlock()
	}
	tell();
	if
	:: late -> msgpass_late_release_all()
	:: else
	fi;
	if
	:: err == WAITING ->
		msgpass_wait();
		if
		:: err -> atomic {
				msgpass_mailbox_lock();
				if
				:: outcome[self] == WAITING ||
				   MISTAKE == LEAVE_IGNORES_OUTCOME ->
					leave_waiting_locked(err)
				:: else
				fi;
				msgpass_mailbox_unlock()
			}
		:: else
		fi
	:: else
	fi;
	d_step {
		on_stack[self] = false;
		err = outcome[self];
		outcome[self] = OK;
		patience = 0;
		message = w_message[self];
		if
		:: err == OK -> assert(message == NONE || state[message] == CLAIMED ||
				       state[message] == REVOKED)
		:: else -> message = NONE
		fi
	}
}

inline vacate(m)
{
	if
	:: MISTAKE == NO_VACANCY -> messages--
	:: else -> vacancies++
	fi;
	vacancies_of[from[m]]++
}

/* The claim is undone: for commit, of a task that is killed, and for give_back. */
inline give_back_locked(m)
{
	unclaim(m);
	if
	:: LENT && (lent & bit(m)) && MISTAKE != LENT_RESTS ->
		dequeue_locked(m);
		vacate(m);
		/* It is freed later, by the same task; its sender does not look at it. */
		msgpass_message_free(m, FREED);
		msgpass_waiter_release(sent_by[m], EAGAIN)
	:: MISTAKE == GIVE_BACK_FORGETS_WAITERS -> rest_locked(m); readable = true
	:: MISTAKE == GIVE_BACK_TO_TAIL ->
		dequeue_locked(m);				/* MISTAKE */
		queue!m;					/* MISTAKE */
		place_locked(m)					/* MISTAKE */
	:: else -> place_locked(m)
	fi
}

inline msgpass_drop_locked(m)
{
	msgpass_queue_remove(queue, m);
	state[m] = REVOKED
}

inline drop_if_ended_locked(m)
{
	if
	:: ended && state[m] == CLAIMED && MISTAKE != END_FORGETS_CLAIMED ->
		msgpass_drop_locked(m)
	:: else
	fi
}

/* Sets err. */
inline msgpass_mailbox_commit()
{
	atomic {
		msgpass_mailbox_lock();
		w_message[self] = NONE;
		drop_if_ended_locked(message);
		if
		:: state[message] == REVOKED ->
			err = (killed[self] -> EARLY : EAGAIN);
			msgpass_mailbox_unlock();
			msgpass_message_free(message, FREED)
		:: state[message] != REVOKED && killed[self] && MISTAKE != KILLED_COMMITS ->
			give_back_locked(message);
			err = EARLY;
			msgpass_mailbox_unlock()
		:: else ->
			receive_locked(message);
			msgpass_mailbox_unlock()
		fi;
		message = NONE
	}
	tell()
}

inline msgpass_mailbox_give_back()
{
	atomic {
		msgpass_mailbox_lock();
		w_message[self] = NONE;
		drop_if_ended_locked(message);
		if
		:: state[message] != REVOKED ->
			give_back_locked(message);
			msgpass_mailbox_unlock()
		:: else ->
			msgpass_mailbox_unlock();
			msgpass_message_free(message, FREED)
		fi;
		message = NONE
	}
	tell()
}

/* The message of one that was not admitted is dropped with it. */
inline release_some_locked(waiters, some)
{
	some = len(waiters) > 0;
	if
	:: some ->
		waiters?<f_sender>;
		touch(f_sender);
		if
		:: w_message[f_sender] != NONE && !w_id[f_sender] ->
			dropped = dropped | bit(w_message[f_sender])
		:: else
		fi;
		msgpass_waiter_release(f_sender, END)
	:: else
	fi
}

/* Sets more. */
inline release_some()
{
	atomic {
		msgpass_mailbox_lock();
		msgpass_late_release_some_locked(late);
		release_some_locked(senders, some_senders);
		if
		:: MISTAKE == END_FORGETS_SYNCHRONOUS
		:: else -> release_some_locked(synchronous, some_synchronous)
		fi;
		release_some_locked(receivers, some_receivers);
		senders_waiting = senders_waiting - some_senders;
		receivers_waiting = receivers_waiting - some_receivers;
		more = (late || some_senders || some_synchronous || some_receivers) &&
		       MISTAKE != END_TELLS_SOME;
		some_senders = false;
		some_synchronous = false;
		some_receivers = false;
		msgpass_mailbox_unlock()
	}
	tell()
}

/* The first section: from then on nobody comes. */
inline end_locked()
{
	ended = true;
	messages = 0
}

/* Sets more. */
inline drop_some()
{
	atomic {
		msgpass_mailbox_lock();
		more = len(queue) > 0;
		if
		:: more ->
			queue?<f_message>;		/* msgpass_queue_head() */
			if
			:: state[f_message] == QUEUED || MISTAKE == DROP_FREES_CLAIMED ->
				dropped = dropped | bit(f_message)
			:: else
			fi;
			msgpass_drop_locked(f_message)
		:: else
		fi;
		msgpass_mailbox_unlock()
	}
}

/* And msgpass_message_free_all(), which may take long. */
inline msgpass_mailbox_end()
{
	atomic { msgpass_mailbox_lock(); end_locked(); msgpass_mailbox_unlock() }
	do
	:: release_some();
	   if
	   :: more
	   :: else -> break
	   fi
	od;
	atomic { told_reader = joined_reader; told_writer = joined_writer };
	do
	:: drop_some();
	   if
	   :: more
	   :: else -> break
	   fi
	od;
	more = false;
	d_step {
		for (i : 0 .. MESSAGES - 1) {
			if
			:: dropped & bit(i) -> msgpass_message_free(i, DROPPED)
			:: else
			fi
		}
		i = 0;
		dropped = 0
	}
}

/* ---- mailbox.c ---- */

/* Sets more. */
inline admit_some()
{
	atomic {
		msgpass_mailbox_lock();
		msgpass_admit_waiting_locked(false);
		more = msgpass_can_admit_locked() && MISTAKE != SET_ADMITS_SOME;
		setting = more;
		writable = was_full && msgpass_admits_locked(ANY);
		msgpass_mailbox_unlock()
	}
	tell()
}

inline msgpass_mailbox_set()
{
	atomic {
		msgpass_mailbox_lock();
		was_full = !msgpass_admits_locked(ANY);
		if
		:: ended -> err = END
		:: else -> capacity = RESIZE; setting = true
		fi;
		msgpass_mailbox_unlock()
	}
	if
	:: err == OK ->
		do
		:: admit_some();
		   if
		   :: more
		   :: else -> break
		   fi
		od;
#if LATE
		msgpass_late_release_all()
#endif
	:: else
	fi
}

#define readable_locked()	(!ended && (resting > 0 || len(senders) > 0))
#define writable_locked()	(!ended && msgpass_admits_locked(ANY))

/* Messages at rest, into resting. */
inline count_resting()
{
	resting = 0;
	n = len(queue);
	for (i : 1 .. n) {
		queue?x;
		if
		:: state[x] == QUEUED -> resting++
		:: else
		fi;
		queue!x
	}
	n = 0; i = 0; x = 0
}
