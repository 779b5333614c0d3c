/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `cutoffd replay`: the sensor's code over capture files, in one process, without root. The same
 * captures and settings give the same events each time.
 */
#ifndef CUTOFFD_REPLAY_H
#define CUTOFFD_REPLAY_H

/* argv: the verb's options and files. The exit status. */
int replay_main(int argc, char **argv);

#endif
