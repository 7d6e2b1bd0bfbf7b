#include "tick.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

struct hm_tick {
	void (*call)(void *arg);
	void *arg;
	pthread_t thread;
	pthread_mutex_t lock; /* around `stop` */
	pthread_cond_t stopped;
	bool stop;
};

/* False: it is over. */
static bool wait_a_second(struct hm_tick *t)
{
	struct timespec until;
	int err = 0;
	bool go_on;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec++;
	pthread_mutex_lock(&t->lock);
	while (!t->stop && err == 0)
		err = pthread_cond_timedwait(&t->stopped, &t->lock, &until);
	go_on = !t->stop;
	pthread_mutex_unlock(&t->lock);
	return go_on;
}

static void *run(void *arg)
{
	struct hm_tick *t = arg;

	while (wait_a_second(t))
		t->call(t->arg);
	return NULL;
}

static void destroy(struct hm_tick *t)
{
	pthread_cond_destroy(&t->stopped);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

struct hm_tick *hm_tick_start(void (*call)(void *arg), void *arg)
{
	struct hm_tick *t = calloc(1, sizeof *t);
	pthread_condattr_t attr;
	sigset_t all, before;
	int err;

	if (!t)
		return NULL;
	t->call = call;
	t->arg = arg;
	pthread_mutex_init(&t->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&t->stopped, &attr);
	pthread_condattr_destroy(&attr);
	/* Signals are the host's thread's to take. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&t->thread, NULL, run, t);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err == 0)
		return t;
	destroy(t);
	return NULL;
}

void hm_tick_stop(struct hm_tick *t)
{
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	t->stop = true;
	pthread_cond_signal(&t->stopped);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
	destroy(t);
}
