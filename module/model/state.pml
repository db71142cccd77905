// SPDX-License-Identifier: GPL-2.0-only
/*
 * Configuration, by -D, the mistakes that can be planted, and what the state is.
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
#ifndef LATE			/* 0 or 1: it is large enough to wake senders late */
#define LATE		0
#endif
#ifndef LENT			/* 0 or 1: a message may be lent to a receiver that waits */
#define LENT		0
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
#define END_FORGETS_CLAIMED		15	/* a commit does not look whether it has ended */
#define END_FORGETS_SYNCHRONOUS		16	/* nor tell those who wait for receipt */
#define POLL_LOOKS_FIRST		17	/* a poller looks, then joins */
#define CLAIM_TELLS_NO_WRITER		18	/* a receiver waits: that is room, not told */
#define CLAIMED_NOT_PASSED_BY		19	/* what is claimed is found in its place */
#define HERD				20	/* one message releases all receivers */
#define DRAINED_NOT_TOLD		21	/* the last message of an ended way has left */
#define SENDER_TELLS_NO_READER		22	/* a sender that waits can be received from */
#define WITHDRAW_AFTER_END		23	/* of a message that went with the mailbox */
#define NEWCOMER_OVERTAKES		24	/* it is admitted before those that wait */
#define END_TELLS_SOME			25	/* of many that wait, the last hear nothing */
#define END_WAY_TELLS_SOME		26	/* of many that wait for that sender */
#define SET_ADMITS_SOME			27	/* of many for whom there is room now */
#define LATE_NOT_SCHEDULED		28	/* a sender is to be woken late, and nobody is sure to */
#define LENT_RESTS			29	/* given back, it stays where it is */
#define RECALL_DOES_NOT_REVOKE		30	/* received, though its sender sends a copy */
#define NO_VACANCY			31	/* what is sent in its place is not counted */
#define DROP_FREES_CLAIMED		32	/* and so does its claimer */
#define MISTAKE				mistake

#define FOREVER		1
#define SOME		2
#define NOT		4

#define ANY		NONE	/* no way: from any sender */
#define UNBOUNDED	200

#define READER		(SENDERS + RECEIVERS)
#define WRITER		(READER + READ_POLLERS)
#define TASKS		(WRITER + WRITE_POLLERS)
#define MESSAGES	((SENDERS + WRITE_POLLERS) * SENDS * (1 + LENT))
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
byte lent;				/* bits of messages */
byte vacancies;
byte vacancies_of[SOURCES];
chan receivers = [TASKS] of { byte };
chan senders = [TASKS] of { byte };
chan synchronous = [TASKS] of { byte };
chan admitted = [TASKS] of { byte };
bool late_pending;			/* the work is */
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
byte w_message[TASKS] = NONE;		/* a receiver's: until the commit; a sender's: */
					/* until it is to be woken late */
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
byte placed, released;			/* in this critical section */
bool f_full;
bool preempted;

/* Only within one d_step. */
hidden byte i, n, x, y, resting;
hidden byte there;

#define bit(m)		(1 << (m))
