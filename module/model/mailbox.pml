// SPDX-License-Identifier: GPL-2.0-only
/*
 * Model of a mailbox: how messages are handed over, and who is woken, for spin.
 *
 * It walks through every interleaving of a few senders, receivers, pollers, kills,
 * a deletion and a resize at one mailbox, and checks what mailbox.h and wait.h
 * claim. scripts/model runs it (make model), in several configurations.
 *
 * An inline here has the name of the C function that it models, in handover.c,
 * mailbox.c, wait.c or queue.c, and its steps in the same order: who changes one changes the
 * other. What is told of a message or a waiter is in arrays by its number.
 *
 * What is one step, and what is not:
 * - where the module deals with several waiters in one section under the lock, and
 *   with more of them in further ones, here it is one waiter in each section: what
 *   may come between two sections may then come between any two waiters;
 * - a critical section is one step (atomic), but for the moments after an outcome
 *   is stored, when a task that waits may already see it: preempted_here();
 * - apart from it are the wake-ups after unlock, each of them, and the telling of
 *   pollers; of a wait, setting the task's state, the look at the outcome without
 *   the lock, and the sleep; and the copy to user memory, which lasts from the
 *   claim to the commit or the giving back.
 *
 * Checked:
 * - at every unlock: the invariants of mailbox.h, what the counters count, and the
 *   order of the queues;
 * - always: a message is received at most once, freed once and touched by nobody
 *   afterwards; a waiter is touched by nobody once its task has returned; a send
 *   that failed is received by nobody, neither before nor after; a send that
 *   waited for receipt and succeeded was received (P1, P2); no receiver gets a
 *   message while an earlier one of the same sender rests or waits for admission
 *   (P3), and senders that wait are served first come, first served; one message
 *   releases one receiver (P4);
 * - when nothing moves any more: nobody sleeps who was released, nor while there
 *   is what it waits for; nothing is claimed by nobody; each message is where the
 *   sender was told that it is; no message is leaked; no lock is held.
 *
 * Left out:
 * - priorities, of messages and of tasks: they choose the place in a list, and
 *   what follows does not depend on it;
 * - quotas, permissions, sizes, names, references, and what keeps the module
 *   loaded: a call that fails of these does so before it reaches the mailbox, and
 *   the module is kept by counting, apart from the handing over;
 * - the order of memory accesses: steps here are seen by all at once. The one
 *   place without the lock is a release paired with an acquire (timeline RELEASE);
 * - the task_struct that is woken late: RCU keeps it (timeline RELEASE);
 * - exclusive pollers: one poller for reading and one for writing at most;
 * - deletion with ways: an inbox ends after the last thread that received from it;
 * - turns of receivers are not numbers but a list in the order of arrival, since
 *   receivers call for ever and a number would never repeat;
 * - signals and deadlines are the same, SOME patience, over at any moment.
 *
 * Configuration, by -D: see below. MISTAKE in pan's environment plants one of the
 * mistakes listed there, each of which has to be found.
 */

#define NONE		255

/* How many, of what. */
#ifndef SENDERS
#define SENDERS		2
#endif
#ifndef SENDS			/* calls of each sender */
#define SENDS		1
#endif
#ifndef RECEIVERS		/* each receives for ever */
#define RECEIVERS	2
#endif
#ifndef READ_POLLERS		/* 0 or 1: polls, then receives without patience */
#define READ_POLLERS	0
#endif
#ifndef WRITE_POLLERS		/* 0 or 1: polls, then sends without patience, SENDS times */
#define WRITE_POLLERS	0
#endif
#ifndef CAPACITY
#define CAPACITY	1
#endif
#ifndef SYNC			/* sends: 0 not synchronous, 1 synchronous, 2 either */
#define SYNC		0
#endif
#ifndef SEND_PATIENCE		/* sum of FOREVER, SOME, NOT: any of these */
#define SEND_PATIENCE	3
#endif
#ifndef RECEIVE_PATIENCE
#define RECEIVE_PATIENCE 3
#endif
#ifndef FAULTS			/* 0 or 1: the copy to user memory may fail */
#define FAULTS		0
#endif
#ifndef STUCK			/* 0 or 1: it may never end */
#define STUCK		0
#endif
#ifndef KILLS			/* how many tasks may be killed */
#define KILLS		0
#endif
#ifndef DELETE			/* 0 or 1: the mailbox is deleted at some time */
#define DELETE		0
#endif
#ifndef RESIZE			/* its new capacity from some time on, or NONE */
#define RESIZE		NONE
#endif
#ifndef WAYS			/* 0 or 1: an inbox; receives may name the sender */
#define WAYS		0
#endif
#ifndef THREADS			/* 0 or 1: all senders are threads of one process */
#define THREADS		0
#endif
#ifndef WAKEUPS			/* size of msgpass_wakeups.tasks */
#define WAKEUPS		3
#endif

/* Mistakes to be found. */
#define OUTCOME_BEFORE_MESSAGE		1	/* released before it has its message */
#define WAKE_BEFORE_OUTCOME		2	/* woken before there is something to see */
#define LOOK_BEFORE_STATE		3	/* a wait looks, then says that it sleeps */
#define WAKEUPS_OVERFLOW		4	/* of many released, the last are forgotten */
#define TOUCH_AFTER_RELEASE		5	/* the waiter is written after its release */
#define CLAIM_NOT_COUNTED		6	/* a claimed message leaves room */
#define GIVE_BACK_FORGETS_WAITERS	7	/* given back, it rests whoever waits */
#define GIVE_BACK_TO_TAIL		8	/* given back, it comes last */
#define WITHDRAW_IGNORES_OUTCOME	9	/* a send fails that was released meanwhile */
#define LEAVE_IGNORES_OUTCOME		10	/* a receive does */
#define NO_REVOKE			11	/* withdrawn while it is claimed: received */
#define NO_ADMISSION			12	/* room, and nobody is admitted */
#define COME_FORGETS_SENDERS		13	/* a receiver waits beside waiting senders */
#define KILLED_COMMITS			14	/* what a killed task got counts as received */
#define END_FORGETS_CLAIMED		15	/* a deletion does not revoke */
#define END_FORGETS_SYNCHRONOUS		16	/* nor tell those who wait for receipt */
#define POLL_LOOKS_FIRST		17	/* a poller looks, then joins */
#define CLAIM_TELLS_NO_WRITER		18	/* a receiver waits: that is room, not told */
#define CLAIMED_NOT_PASSED_BY		19	/* claimed by its way, it is found in its place */
#define HERD				20	/* one message releases all receivers */
#define DRAINED_NOT_TOLD		21	/* the last message of an ended way has left */
#define SENDER_TELLS_NO_READER		22	/* a sender that waits can be received from */
#define WITHDRAW_AFTER_END		23	/* of a message that went with the mailbox */
#define NEWCOMER_OVERTAKES		24	/* it is admitted before those that wait */
#define END_TELLS_SOME			25	/* of many that wait, the last hear nothing */
#define END_WAY_TELLS_SOME		26	/* of many that wait for that sender */
#define SET_ADMITS_SOME			27	/* of many for whom there is room now */
#define MISTAKE				mistake

#define FOREVER		1
#define SOME		2
#define NOT		4

#define ANY		NONE	/* no way: from any sender */
#define UNBOUNDED	200

#define READER		(SENDERS + RECEIVERS)
#define WRITER		(READER + READ_POLLERS)
#define TASKS		(WRITER + WRITE_POLLERS)
#define MESSAGES	((SENDERS + WRITE_POLLERS) * SENDS)
#define SOURCES		(SENDERS + WRITE_POLLERS)

/* Outcomes and errors; policy.end is one of them. */
#define OK		0
#define WAITING		1
#define EAGAIN		2
#define EARLY		3	/* ERESTARTSYS or ETIMEDOUT */
#define END		4
#define ESRCH		5
#define EFAULT		6

/* enum msgpass_message_state, and then those of a message that is freed. */
#define UNMADE		0
#define PENDING		1
#define QUEUED		2
#define CLAIMED		3
#define REVOKED		4
#define RECEIVED	5
#define DROPPED		6
#define FREED		7	/* withdrawn, refused, or revoked and freed by its claimer */

byte mistake;		/* planted: constant, from pan's environment */

/* struct msgpass_mailbox */
bool lock;
bool ended;
byte capacity = CAPACITY;
byte messages;
byte senders_waiting;
byte receivers_waiting;
byte admitted_messages;
byte claimed;				/* bits of messages */
chan receivers = [TASKS] of { byte };
chan senders = [TASKS] of { byte };
chan synchronous = [TASKS] of { byte };
chan queue = [MESSAGES] of { byte };
chan turns = [TASKS] of { byte };	/* with WAYS: all receivers that wait */
bool joined_reader, joined_writer;	/* the pollers' wait queues */
bool told_reader, told_writer;
bool setting;				/* it is about to admit more */

/* struct msgpass_way, of each source of messages */
bool way_ended[SOURCES];
bool way_dropped[SOURCES];		/* its link */
byte way_messages[SOURCES];
chan way_queue[SOURCES] = [MESSAGES] of { byte };
chan way_receivers[SOURCES] = [TASKS] of { byte };
chan way_senders[SOURCES] = [TASKS] of { byte };

/* struct msgpass_waiter, one a task, and what else there is of a task */
bool on_stack[TASKS];			/* the waiter is */
byte outcome[TASKS];
byte w_message[TASKS] = NONE;		/* a receiver's: until the commit */
bool w_id[TASKS];			/* a sender's: it has one */
bool asleep[TASKS];			/* its state is not TASK_RUNNING */
bool killed[TASKS];
bool stuck[TASKS];			/* in the copy, for ever */

/* struct msgpass_message: numbered as they come to msgpass_mailbox_send() */
byte made;
byte state[MESSAGES];
byte id[MESSAGES];
byte from[MESSAGES];
bool waited_for[MESSAGES];		/* message.sender is not NULL */
byte sent_by[MESSAGES];			/* and is this task */
byte result[MESSAGES] = WAITING;	/* what its send returned */

/* Variables of the functions below: whoever holds the lock has them. */
byte f_receiver = NONE;
byte f_selective = NONE;
byte f_sender = NONE;
byte f_message = NONE;
byte f_way = ANY;
byte placed, released;			/* in this critical section */
bool f_full;
bool preempted;

/* Only within one d_step. */
hidden byte i, n, x, y, resting;
hidden byte there;

#define bit(m)		(1 << (m))
#define room_locked(w)	(len(receivers) > 0 || messages < capacity || \
			 (WAYS && way_receivers_of(w) > 0))
#define way_receivers_of(w) ((w) == ANY -> 0 : len(way_receivers[((w) == ANY -> 0 : (w))]))
#define way_of(m)	(WAYS -> from[m] : ANY)
#define msgpass_admits_locked(w) \
	(room_locked(w) && (len(senders) == 0 || MISTAKE == NEWCOMER_OVERTAKES || \
			    (WAYS && way_receivers_of(w) > 0)))
#define msgpass_can_admit_locked() \
	(!ended && len(senders) > 0 && room_locked(ANY) && MISTAKE != NO_ADMISSION)

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
		there = id[m] == admitted_messages || MISTAKE == GIVE_BACK_TO_TAIL;
		there = !there;		/* not the newest: look for its place */
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

/* ---- handover.c ---- */

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
		f_way = ANY; placed = 0; released = 0; f_full = false;
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

inline rest_locked(m)
{
	state[m] = QUEUED;
	if
	:: queue??[eval(m)]
	:: else -> msgpass_queue_add(queue, m)
	fi;
	if
	:: WAYS -> msgpass_queue_add(way_queue[from[m]], m)
	:: else
	fi
}

inline unrest_locked(m)
{
	if
	:: queue??[eval(m)] -> msgpass_queue_remove(queue, m)
	:: else
	fi;
	if
	:: WAYS && way_queue[from[m]]??[eval(m)] ->
		msgpass_queue_remove(way_queue[from[m]], m)
	:: else
	fi
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

inline claim_locked(m, way)
{
	check_order(m);
	if
	:: way == ANY -> unrest_locked(m)
	:: else ->
		if
		:: way_queue[from[m]]??[eval(m)] ->
			msgpass_queue_remove(way_queue[from[m]], m)
		:: else
		fi;
		if
		:: queue??[eval(m)]
		:: else -> msgpass_queue_add(queue, m)
		fi
	fi;
	state[m] = CLAIMED;
	claimed = claimed | bit(m);
	if
	:: MISTAKE == CLAIM_NOT_COUNTED -> messages--
	:: else
	fi
}

inline unclaim_locked(m)
{
	assert(claimed & bit(m));
	claimed = claimed & ~bit(m);
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
		f_way = (f_receiver == f_selective -> from[m] : ANY);
		claim_locked(m, f_way);
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

inline admit_locked(m)
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
	place_locked(m)
}

inline admit_sender_locked()
{
	touch(f_sender);
	f_message = w_message[f_sender];
	unlink(f_sender);
	senders_waiting--;
	admit_locked(f_message);
	if
	:: !waited_for[f_message] ->
		w_id[f_sender] = true;
		msgpass_waiter_release(f_sender, OK)
	:: else
	fi
}

inline msgpass_admit_waiting_locked()
{
	if
	:: msgpass_can_admit_locked() ->
		senders?<f_sender>;
		admit_sender_locked()
	:: else
	fi
}

inline leave_locked(m)
{
	f_full = !msgpass_admits_locked(ANY);
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
	msgpass_admit_waiting_locked();
	if
	:: f_full && msgpass_admits_locked(ANY) -> writable = true
	:: else
	fi
}

inline msgpass_message_free(m, last)
{
	assert(state[m] < RECEIVED);
	state[m] = last;
	id[m] = 0
}

/* The rest of withdraw(): from wherever it is. */
inline withdraw_message()
{
	if
	:: state[message] == PENDING ->
		senders_waiting--;
		msgpass_mailbox_unlock();
		msgpass_message_free(message, FREED)
	:: state[message] == QUEUED ->
		unrest_locked(message);
		leave_locked(message);
		msgpass_mailbox_unlock();
		msgpass_message_free(message, FREED)
	:: state[message] == CLAIMED && MISTAKE == NO_REVOKE ->
		msgpass_mailbox_unlock()
	:: state[message] == CLAIMED && MISTAKE != NO_REVOKE ->
		unclaim_locked(message);
		unrest_locked(message);
		state[message] = REVOKED;
		leave_locked(message);
		msgpass_mailbox_unlock()
	:: else -> assert(false) /* NOT REACHED: if revoked, it has an outcome or has ended */
	fi
}

inline withdraw()
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
			:: ended && w_id[self] && MISTAKE != WITHDRAW_AFTER_END ->
				/* It went with the mailbox, which has not come to tell us yet. */
				msgpass_mailbox_unlock();
				err = END
			:: else -> withdraw_message()
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
				admit_locked(message);
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
		:: err -> withdraw()
		:: else
		fi
	:: else
	fi;
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
	:: f_sender != NONE && MISTAKE != COME_FORGETS_SENDERS -> admit_sender_locked()
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

/* Sets err, and message where that is OK. */
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
		:: ended -> outcome[self] = END
		:: !ended && f_message != NONE ->
			claim_locked(f_message, way);
			w_message[self] = f_message;
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
			fi
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
		:: err == OK -> assert(message != NONE &&
				       (state[message] == CLAIMED || state[message] == REVOKED))
		:: else -> message = NONE
		fi
	}
}

/* P1, P2: whole in the receiver's memory, once, and its sender was told nothing else. */
inline receipt(m)
{
	assert(state[m] == CLAIMED);
	assert(result[m] == WAITING || result[m] == OK);
	assert(!ended && !killed[self])
}

/* The claim is undone: for commit, of a task that is killed, and for give_back. */
inline give_back_locked(m)
{
	unclaim_locked(m);
	if
	:: MISTAKE == GIVE_BACK_FORGETS_WAITERS -> rest_locked(m); readable = true
	:: else -> place_locked(m)
	fi
}

/* Sets err. */
inline msgpass_mailbox_commit()
{
	atomic {
		msgpass_mailbox_lock();
		w_message[self] = NONE;
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
			receipt(message);
			unclaim_locked(message);
			unrest_locked(message);
			state[message] = RECEIVED;	/* msgpass_message_free() */
			if
			:: waited_for[message] ->
				msgpass_waiter_release(sent_by[message], OK)
			:: else
			fi;
			leave_locked(message);
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
		release_some_locked(senders, some_senders);
		if
		:: MISTAKE == END_FORGETS_SYNCHRONOUS
		:: else -> release_some_locked(synchronous, some_synchronous)
		fi;
		release_some_locked(receivers, some_receivers);
		senders_waiting = senders_waiting - some_senders;
		receivers_waiting = receivers_waiting - some_receivers;
		more = (some_senders || some_synchronous || some_receivers) &&
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
	d_step {
		for (x : 0 .. MESSAGES - 1) {
			if
			:: claimed & bit(x) && MISTAKE != END_FORGETS_CLAIMED ->
				unclaim_locked(x);
				unrest_locked(x);
				state[x] = REVOKED
			:: else
			fi
		}
		n = len(queue);					/* msgpass_queue_drain() */
		for (i : 1 .. n) {
			queue?x;
			dropped = dropped | bit(x)
		}
		messages = 0;
		n = 0; i = 0; x = 0
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
		msgpass_admit_waiting_locked();
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
		od
	:: else
	fi
}

#define readable_locked()	(resting > 0 || len(senders) > 0)
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

/* ---- what must hold ---- */

/* mailbox.h, "Invariants, whenever the lock is free", and of each way the same. */
inline invariants()
{
	d_step {
		assert(lock);
		count_resting();
		n = 0;
		for (i : 0 .. MESSAGES - 1) {
			n = n + ((claimed & bit(i)) -> 1 : 0);
			assert(!(claimed & bit(i)) || state[i] == CLAIMED)
		}
		assert(messages == resting + n);
		assert(len(receivers) == 0 || (resting == 0 && len(senders) == 0));
		assert(len(senders) == 0 || !room_locked(ANY) || setting || ended);
		assert(senders_waiting == len(senders));
		assert(!ended || (messages == 0 && len(queue) == 0));
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
				n = n + ((claimed & bit(x)) -> 1 : 0);
				y = y + (way_queue[i]??[eval(x)] -> 1 : 0)
			:: else
			fi
		}
		assert(way_messages[i] == y + n);
		assert(len(way_queue[i]) == y);
		assert(len(way_receivers[i]) == 0 || (y == 0 && len(way_senders[i]) == 0));
		assert(!way_dropped[i] || (way_ended[i] && way_messages[i] == 0 &&
					   len(way_receivers[i]) == 0))
	}
	x = 0; y = 0
}

/* By id; and whatever is in it rests, or was claimed by its way. */
inline queue_order()
{
	y = 0;
	n = len(queue);
	for (i : 1 .. n) {
		queue?x;
		assert(id[x] > y);
		assert(state[x] == QUEUED || (WAYS && state[x] == CLAIMED && (claimed & bit(x))));
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
	i = 0
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

/* ---- who does it ---- */

#define OF_A_TASK	byte err; byte message = NONE; byte patience; byte wakes; byte woken; \
			bool readable; bool writable; byte drained = ANY; bool more

proctype sender(byte self; byte source)
{
	OF_A_TASK;
	bool waits;
	bool is_empty;
	byte left = SENDS;

	do
	:: left > 0 && !killed[self] ->
		left--;
		msgpass_mailbox_send(SEND_PATIENCE)
	:: else -> break
	od;
#if WAYS && !THREADS
	/* msgpass_links_end() */
	msgpass_mailbox_end_way(source);
	if
	:: is_empty -> msgpass_link_drop(source)
	:: else
	fi
#endif
}

/* What msgpass_ioctl_receive() does with what it claimed. Sets err. */
inline copy_and_commit()
{
	if
	:: true					/* whole */
	:: FAULTS || killed[self] -> err = EFAULT
	:: STUCK ->
		stuck[self] = true;
end_stuck:	d_step { killed[self] -> stuck[self] = false; err = EFAULT }
	fi;
	if
	:: err == OK -> msgpass_mailbox_commit()
	:: else -> msgpass_mailbox_give_back()
	fi
}

proctype receiver(byte self)
{
	OF_A_TASK;
	bool is_empty;
	byte way = ANY;

	do
	:: killed[self] || err == END -> break
	:: else ->
		msgpass_mailbox_claim(RECEIVE_PATIENCE);
		if
		:: err == OK -> copy_and_commit()
		:: else
		fi
	od
}
#if READ_POLLERS
/* poll(2) of a reader, who then receives; the look is msgpass_mailbox_poll(). */
proctype read_poller(byte self)
{
	OF_A_TASK;
	byte way = ANY;
	bool ready;

	do
	:: err == END || killed[self] -> break
	:: else ->
		if
		:: MISTAKE == POLL_LOOKS_FIRST
		:: else -> joined_reader = true			/* poll_wait() */
		fi;
look:		atomic {
			!lock -> d_step {
				count_resting();
				ready = ended || readable_locked();
				resting = 0
			}
		}
		joined_reader = true;
		if
		:: ready ->
			d_step { joined_reader = false; told_reader = false; ready = false };
			msgpass_mailbox_claim(NOT);
			if
			:: err == OK -> copy_and_commit()
			:: else
			fi
		:: else ->
end_polls:		d_step { told_reader -> told_reader = false };
			goto look
		fi
	od
}
#endif
#if WRITE_POLLERS
proctype write_poller(byte self; byte source)
{
	OF_A_TASK;
	bool waits;
	bool ready;
	byte left = SENDS;

	do
	:: left == 0 || err == END || killed[self] -> break
	:: else ->
		joined_writer = true;				/* poll_wait() */
look:		atomic { !lock -> ready = ended || writable_locked() };
		if
		:: ready ->
			d_step { joined_writer = false; told_writer = false; ready = false };
			left--;
			msgpass_mailbox_send(NOT)
		:: else ->
end_polls:		d_step { told_writer -> told_writer = false };
			goto look
		fi
	od
}
#endif
#if DELETE
proctype deleter(byte self)
{
	OF_A_TASK;
	byte dropped;
	bool some_senders, some_synchronous, some_receivers;

	if
	:: msgpass_mailbox_end()
	:: true				/* or not: what waits then, waits rightly */
	fi
}
#endif
#if RESIZE < NONE
proctype setter(byte self)
{
	OF_A_TASK;
	bool was_full;

	msgpass_mailbox_set()
}
#endif
#if KILLS
proctype killer()
{
	byte kills = KILLS, task;

	do
	:: kills > 0 -> atomic {
			kills--;
			select(task : 0 .. TASKS - 1);
			killed[task] = true;
			wake_up_process(task);
			task = 0
		}
	:: break
	od
}
#endif

init {
	atomic {
		byte task = 0;

		c_code {
			char *planted = getenv("MISTAKE");

			now.mistake = planted ? atoi(planted) : 0;
		};
		do
		:: task < SENDERS -> run sender(task, (THREADS -> 0 : task)); task++
		:: task >= SENDERS && task < READER -> run receiver(task); task++
		:: else -> break
		od;
		task = 0;
#if READ_POLLERS
		run read_poller(READER);
#endif
#if WRITE_POLLERS
		run write_poller(WRITER, SENDERS);
#endif
#if DELETE
		run deleter(NONE);
#endif
#if RESIZE < NONE
		run setter(NONE);
#endif
#if KILLS
		run killer()

#endif
	}
	timeout -> d_step {
		assert(!lock && !preempted && !setting);
		check_tasks();
		check_ways();
		check_messages();
		count_resting();
		assert(!joined_reader || !(ended || readable_locked()));
		assert(!joined_writer || !(ended || writable_locked()))
	}
}
