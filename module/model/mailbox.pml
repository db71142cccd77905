// SPDX-License-Identifier: GPL-2.0-only
/*
 * Model of a mailbox: how messages are handed over, and who is woken, for spin.
 *
 * It walks through every interleaving of a few senders, receivers, pollers, kills,
 * a deletion and a resize at one mailbox, and checks what mailbox.h and wait.h
 * claim. scripts/model runs it (make model), in several configurations.
 *
 * An inline here has the name of the C function that it models, in handover.c, lending.c,
 * ending.c, mailbox.c, late.c, wait.c or queue.c, and its steps in the same order: who changes
 * one changes the other. What is told of a message or a waiter is in arrays by its number.
 *
 * What is one step, and what is not:
 * - where the module deals with several waiters in one section under the lock, and
 *   with more of them in further ones, here it is one waiter in each section: what
 *   may come between two sections may then come between any two waiters;
 * - the copy that is sent in place of a lent message is a message of its own, that has
 *   the other's id;
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
 * - the task_struct that is woken late: a reference keeps it (timeline RELEASE);
 * - that what is claimed is put aside: only to be passed by faster;
 * - exclusive pollers: one poller for reading and one for writing at most;
 * - deletion with ways: an inbox ends after the last thread that received from it;
 * - turns of receivers are not numbers but a list in the order of arrival, since
 *   receivers call for ever and a number would never repeat;
 * - signals and deadlines are the same, SOME patience, over at any moment.
 *
 * Configuration, by -D: see state.pml. MISTAKE in pan's environment plants one of
 * the mistakes listed there, each of which has to be found.
 *
 * Its parts, which scripts/model puts together in this order: state.pml, wait.pml,
 * late.pml, handover.pml, calls.pml, checks.pml, and this one, who does it.
 */

#define OF_A_TASK	byte err; byte message = NONE; byte patience; byte wakes; byte woken; \
			bool readable; bool writable; byte drained = ANY; bool more; bool late

proctype sender(byte self; byte source)
{
	OF_A_TASK;
	bool waits;
	bool is_empty;
	byte left = SENDS;
	byte place;
	bool again;

	do
	:: left > 0 && !killed[self] ->
		left--;
#if LENT
		msgpass_mailbox_lend();
		if
		:: waits && again -> again = false; waits = false; msgpass_mailbox_send_copy()
		:: waits && !again -> waits = false
		:: else -> msgpass_mailbox_send(SEND_PATIENCE)
		fi
#else
		msgpass_mailbox_send(SEND_PATIENCE)
#endif
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
		:: err == OK && message != NONE -> copy_and_commit()
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
			:: err == OK && message != NONE -> copy_and_commit()
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
#if LATE
/* release_late(): the work, a tick after it was scheduled. */
proctype late_work(byte self)
{
	OF_A_TASK;

end_work:
	do
	:: d_step { late_pending -> late_pending = false };
	   msgpass_late_release_all()
	od
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
#if LATE
		run late_work(NONE);
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
