// SPDX-License-Identifier: LGPL-2.1-or-later
#include <sys/ioctl.h>

#include <msgpass.h>

int msgpass_raw_create(int fd, const struct msgpass_create *argument)
{
	return ioctl(fd, MSGPASS_IOC_CREATE, argument);
}

int msgpass_raw_open(int fd, const struct msgpass_open *argument)
{
	return ioctl(fd, MSGPASS_IOC_OPEN, argument);
}

int msgpass_raw_unlink(int fd, const struct msgpass_unlink *argument)
{
	return ioctl(fd, MSGPASS_IOC_UNLINK, argument);
}

int msgpass_raw_delete(int fd, const struct msgpass_delete *argument)
{
	return ioctl(fd, MSGPASS_IOC_DELETE, argument);
}

int msgpass_raw_send(int fd, struct msgpass_send *argument)
{
	return ioctl(fd, MSGPASS_IOC_SEND, argument);
}

int msgpass_raw_receive(int fd, struct msgpass_receive *argument)
{
	return ioctl(fd, MSGPASS_IOC_RECEIVE, argument);
}

int msgpass_raw_stat(int fd, struct msgpass_stat *argument)
{
	return ioctl(fd, MSGPASS_IOC_STAT, argument);
}

int msgpass_raw_set(int fd, const struct msgpass_set *argument)
{
	return ioctl(fd, MSGPASS_IOC_SET, argument);
}

int msgpass_raw_key(int fd, struct msgpass_key *argument)
{
	return ioctl(fd, MSGPASS_IOC_KEY, argument);
}

int msgpass_raw_next(int fd, const struct msgpass_next *argument)
{
	return ioctl(fd, MSGPASS_IOC_NEXT, argument);
}

int msgpass_raw_next_process(int fd, struct msgpass_next_process *argument)
{
	return ioctl(fd, MSGPASS_IOC_NEXT_PROCESS, argument);
}

int msgpass_raw_next_link(int fd, struct msgpass_next_link *argument)
{
	return ioctl(fd, MSGPASS_IOC_NEXT_LINK, argument);
}
