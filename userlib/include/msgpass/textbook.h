/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Message passing in the words of the operating-systems textbooks.
 *
 *	direct		send(P, message)	receive(Q, message), receive(any, message)
 *	indirect	send(A, message)	receive(A, message)
 *
 * A struct message_queue says which: process_queue() names a process,
 * mailbox_queue() a mailbox. Sending and receiving are blocking or
 * non-blocking, and the struct message shows who sent what to whom.
 *
 * Errors are as in <msgpass.h>.
 */
#ifndef MSGPASS_TEXTBOOK_H
#define MSGPASS_TEXTBOOK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes that a struct message has room for. */
#define MESSAGE_DATA_MAX	1024

/* process_queue(): receive from any process. */
#define ANY_PROCESS		0

/**
 * struct message - a message
 * @sender_pid: who sent it: set by send, and by receive as the kernel says
 * @receiver_pid: whom it was sent to: set by send (0 for a mailbox) and receive
 * @message_id: its number in its mailbox or inbox: set by send and receive
 * @size: how many bytes of @data it has
 * @data: its content
 */
struct message {
	pid_t sender_pid;
	pid_t receiver_pid;
	uint64_t message_id;
	size_t size;
	char data[MESSAGE_DATA_MAX];
};

/* Where messages are sent to and received from. */
struct message_queue;

/**
 * mailbox_queue() - indirect communication, through a mailbox
 * @name: the mailbox; created if there is none of that name, for this user only
 * @capacity: its capacity if it is created: 0, n, or MSGPASS_UNBOUNDED
 *
 * If the mailbox is owned by another process, the queue can be sent to only, and
 * receiving from it is EACCES.
 *
 * Return: the queue, to be closed with close_queue(); NULL on error, as
 * msgpass_create() and msgpass_open().
 *
 * Since: 0.1
 */
struct message_queue *mailbox_queue(const char *name, unsigned int capacity);

/**
 * process_queue() - direct communication, with a process
 * @pid: whom to send to and to receive from; ANY_PROCESS to receive from whoever
 *	sends to us
 *
 * Return: the queue, to be closed with close_queue(); NULL on error, as
 * msgpass_endpoint(), and EINVAL for a negative @pid.
 *
 * Since: 0.1
 */
struct message_queue *process_queue(pid_t pid);

/**
 * delete_queue() - delete the mailbox of a queue
 * @queue: from mailbox_queue(), still to be closed
 *
 * Return: 0; -1 on error, as msgpass_delete().
 *
 * Since: 0.1
 */
int delete_queue(struct message_queue *queue);

/**
 * close_queue() - close a queue
 * @queue: it, or NULL; its mailbox and inbox stay as they are
 *
 * Since: 0.1
 */
void close_queue(struct message_queue *queue);

/**
 * blocking_send() - send, and wait until the mailbox or inbox has taken it
 * @queue: where to; a process_queue() of ANY_PROCESS is EINVAL
 * @message: @size and @data are sent, the other fields set
 *
 * Return: 0; -1 on error, as msgpass_send() and msgpass_send_to(); EMSGSIZE
 * also if @size is more than MESSAGE_DATA_MAX.
 *
 * Since: 0.1
 */
int blocking_send(struct message_queue *queue, struct message *message);

/**
 * nonblocking_send() - send, or fail with EAGAIN where that would wait
 * @queue: as blocking_send()
 * @message: as blocking_send()
 *
 * Return: as blocking_send(), or -1 and EAGAIN.
 *
 * Since: 0.1
 */
int nonblocking_send(struct message_queue *queue, struct message *message);

/**
 * blocking_receive() - receive, and wait for a message if there is none
 * @queue: where from: a mailbox, exactly one process, or any
 * @message: all its fields are set
 *
 * Return: 0; -1 on error, as msgpass_receive() and msgpass_receive_from(). A
 * message of more than MESSAGE_DATA_MAX bytes, which somebody sent by
 * <msgpass.h>, is EMSGSIZE, and stays until it is received that way.
 *
 * Since: 0.1
 */
int blocking_receive(struct message_queue *queue, struct message *message);

/**
 * nonblocking_receive() - receive, or fail with EAGAIN if there is no message
 * @queue: as blocking_receive()
 * @message: as blocking_receive()
 *
 * Return: as blocking_receive(), or -1 and EAGAIN.
 *
 * Since: 0.1
 */
int nonblocking_receive(struct message_queue *queue, struct message *message);

#ifdef __cplusplus
}
#endif

#endif /* MSGPASS_TEXTBOOK_H */
