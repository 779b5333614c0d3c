/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `cutoffd unlatch STAGE --reason TEXT`: root's order to lift a latch that a wrong clock made. It
 * is a file in the state directory, where only root writes, and a signal to the enforcer, which
 * answers by another file. Without an enforcer the order waits for the next one.
 */
#ifndef CUTOFFD_UNLATCH_H
#define CUTOFFD_UNLATCH_H

#include <signal.h>

#define UNLATCH_SIGNAL SIGUSR1

struct enforcer;

/* The enforcer's side: carries out the order that waits, if there is one, and answers. */
void unlatch_carry_out(struct enforcer *enforcer);

#endif
