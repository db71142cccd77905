/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Name: by which others find a mailbox. It outlives the descriptors, and goes
 * when the mailbox is deleted, the name unlinked, the namespace ended or, where
 * a process owns the mailbox, with that process: from then on nobody finds it, and
 * another may take its place, though the mailbox still has it, and the clean-up of
 * the process frees it.
 *
 * Names live in the IPC namespace of the process that uses them. A struct space
 * (name.c) holds the names of one namespace, and a reference to it. That alone
 * must not keep a dead container's namespace alive: when all other references
 * are gone msgpass_name_sweep() ends the mailboxes and lets go. It is called
 * when a process that used the device has exited, and every now and then.
 *
 * A name keeps the module loaded, since unloading would lose its messages.
 *
 * Owner: its mailbox, which the space's tree leads to.
 *
 * Lock: names_lock, a mutex, over all spaces and names. Nobody holds it while
 * touching user memory.
 */
#ifndef MSGPASS_NAME_H
#define MSGPASS_NAME_H

#include <linux/list.h>
#include <linux/types.h>

struct msgpass_mailbox;
struct msgpass_process;

/**
 * msgpass_name_create() - give a mailbox a name in the caller's IPC namespace
 * @text: the name, checked
 * @mailbox: the mailbox; the name gets a reference of its own
 *
 * Return: 0, -EEXIST, or -ENOMEM.
 */
int msgpass_name_create(const char *text, struct msgpass_mailbox *mailbox);

/**
 * msgpass_name_find() - find a mailbox in the caller's IPC namespace
 * @text: the name, checked
 *
 * Return: the mailbox with a reference for the caller, or NULL: there is none, or its
 * owner has ended.
 */
struct msgpass_mailbox *msgpass_name_find(const char *text);

/**
 * msgpass_name_next() - the next mailbox of the caller's IPC namespace, by name
 * @text: a name, there or not, or the empty one to begin
 * @next: set to the name, of up to MSGPASS_NAME_MAX bytes and a NUL
 *
 * Return: the mailbox with a reference for the caller, or NULL.
 */
struct msgpass_mailbox *msgpass_name_next(const char *text, char *next);

/**
 * msgpass_name_remove() - take a mailbox's name away
 * @mailbox: the mailbox
 *
 * Return: whether it had one.
 */
bool msgpass_name_remove(struct msgpass_mailbox *mailbox);

/**
 * msgpass_name_end_owned() - end the mailboxes that a process owns
 * @process: the process, which has ended
 * @dropped: their messages are added here, to be freed
 */
void msgpass_name_end_owned(struct msgpass_process *process, struct list_head *dropped);

/* Before a mailbox that a process owns is freed. May sleep. */
void msgpass_name_disown(struct msgpass_mailbox *mailbox);

/* End the mailboxes of namespaces that nobody else refers to. May sleep. */
void msgpass_name_sweep(void);

void msgpass_name_exit(void);

#endif /* MSGPASS_NAME_H */
