/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A module of faults, made on purpose: it proves that what looks for faults
 * in a kernel is awake. It is loaded with the name of one fault, makes it
 * while it loads, and prints its name just before. Never load it on a kernel
 * that is needed afterwards.
 */
#ifndef PLANTED_H
#define PLANTED_H

/* Of memory; each is what its name says. */
int planted_use_after_free(void);
int planted_out_of_bounds(void);
int planted_leak(void);
int planted_red_zone(void);

#endif /* PLANTED_H */
