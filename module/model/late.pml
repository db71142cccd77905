// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the module has in late.c. LATE says whether the mailbox is large enough for it.
 */

inline msgpass_late_add_locked()
{
	w_message[f_sender] = NONE;
	admitted!f_sender;
	late_pending = MISTAKE != LATE_NOT_SCHEDULED
}

inline release_first_locked()
{
	admitted?<f_sender>;
	msgpass_waiter_release(f_sender, OK)
}

/* Sets others. */
inline msgpass_late_release_some_locked(others)
{
	if
	:: LATE && len(admitted) > 0 -> release_first_locked()
	:: else
	fi;
	others = LATE && len(admitted) > 0
}

/* When it is empty, some: that is one here. */
inline msgpass_late_left_locked()
{
	if
	:: LATE && len(admitted) > 0 && messages <= capacity / 2 -> release_first_locked()
	:: else
	fi
}

inline msgpass_late_release_all()
{
	do
	:: atomic {
		msgpass_mailbox_lock();
		msgpass_late_release_some_locked(late);
		msgpass_mailbox_unlock()
	   }
	   msgpass_wake();
	   if
	   :: late
	   :: else -> break
	   fi
	od
}
