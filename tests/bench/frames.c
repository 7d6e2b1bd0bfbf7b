/* Both ends of a measurement of forwarding, in the kernel (frames.bpf.c).
 *
 *     frames send INTERFACE DST-MAC SRC DST N PAYLOAD RATE SECONDS SINK CPU
 *
 * puts frames into the peer of a veth INTERFACE as a driver receives them: pages, not skbs. N
 * destinations in random order, the same in every run, their last 32 bits counting up from DST's.
 * RATE 0: as fast as it goes. SINK: the number a sink said at its start, which counts on that CPU,
 * another one: no more frames are sent than it will take in; 0: they are, and are dropped. Prints
 * how many were offered, and the seconds that took.
 *
 *     frames sink INTERFACE
 *
 * obeys standard input, one word a line: `xdp` and `tc` count and drop what arrives, `unpack` takes
 * outer headers off, `off` does nothing. Each is answered with the counts until then: plain,
 * tunnelled, tunnelled behind a routing header. First comes a number by which a sender finds them.
 */
#include "frame.h"
#include "frames.h"
/* Generated, and less strict than we are. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"
#include "frames.skel.h"
#pragma GCC diagnostic pop

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <limits.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/time.h>
#include <unistd.h>

#define BATCH 64 /* without a sink to wait for */
#define CPUS_MAX 256

static void die(const char *what, int err)
{
	fprintf(stderr, "frames: %s: %s\n", what, strerror(err < 0 ? -err : err));
	exit(69);
}

static struct frames_bpf *open_parts(void)
{
	struct frames_bpf *skel = frames_bpf__open();

	if (!skel)
		die("open", errno);
	bpf_program__set_autoload(skel->progs.generate, false);
	bpf_program__set_autoload(skel->progs.generate_waiting, false);
	return skel;
}

static void load(struct frames_bpf *skel)
{
	int err = frames_bpf__load(skel);

	if (err)
		die("load", err);
}

static unsigned interface(const char *name)
{
	unsigned index = if_nametoindex(name);

	if (index == 0)
		die(name, errno);
	return index;
}

/* --- send ----------------------------------------------------------------------------------- */

static void on_alarm(int number)
{
	(void)number;
}

/* One call for all of it, which the alarm ends: each call costs as much as thousands of frames.
 * Frames that are not due are not sent, so at a given rate the processor is busy with waiting. */
static void run(const struct bpf_program *prog, uint8_t *frame, size_t len, double seconds,
                uint32_t batch)
{
	const struct sigaction alarm = { .sa_handler = on_alarm };
	struct itimerval until = { .it_value = { .tv_sec = (time_t)seconds } };
	struct xdp_md ctx = { .data_end = (uint32_t)len };
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame,
	                    .data_size_in = (uint32_t)len, .ctx_in = &ctx,
	                    .ctx_size_in = sizeof ctx, .repeat = INT_MAX,
	                    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = batch);
	int err;

	until.it_value.tv_usec = (suseconds_t)((seconds - (double)until.it_value.tv_sec) * 1e6);
	sigaction(SIGALRM, &alarm, NULL);
	setitimer(ITIMER_REAL, &until, NULL);
	err = bpf_prog_test_run_opts(bpf_program__fd(prog), &opts);
	if (err && err != -EINTR)
		die("live frames", err);
}

static void reuse_counts(struct frames_bpf *skel, uint32_t id)
{
	int fd = bpf_map_get_fd_by_id(id);

	if (fd < 0 || bpf_map__reuse_fd(skel->maps.arrived, fd) != 0)
		die("the sink's counts", errno);
	close(fd); /* a copy is in use */
}

static int send_frames(char **argv)
{
	static uint8_t frame[FRAME_MAX];
	size_t len = frame_write(frame, argv + 1);
	uint32_t counted = (uint32_t)strtoul(argv[8], NULL, 10);
	struct frames_bpf *skel = open_parts();
	struct bpf_program *prog = counted ? skel->progs.generate_waiting : skel->progs.generate;
	double rate = atof(argv[6]);
	int64_t start;

	bpf_program__set_autoload(prog, true);
	if (counted)
		reuse_counts(skel, counted);
	load(skel);
	memcpy(&skel->bss->template, frame, sizeof skel->bss->template);
	skel->bss->first = frame_first(frame);
	skel->bss->n_destinations = (uint32_t)strtoul(argv[1 + FRAME_N], NULL, 10);
	skel->bss->out_ifindex = interface(argv[0]);
	skel->bss->gap_ns = rate > 0 ? (uint64_t)(1e9 / rate) : 0;
	skel->bss->window = FRAMES_WINDOW;
	skel->bss->sink_cpu = (uint32_t)strtoul(argv[9], NULL, 10);
	start = frame_now_ns();
	run(prog, frame, len, atof(argv[7]), counted ? FRAMES_BATCH : BATCH);
	frame_show(skel->bss->offered, start);
	frames_bpf__destroy(skel);
	return 0;
}

/* --- sink ----------------------------------------------------------------------------------- */

struct sink {
	struct frames_bpf *skel;
	unsigned ifindex;
	struct bpf_link *xdp;
	struct bpf_tc_hook hook;
	struct bpf_tc_opts tc; /* prog_id 0: nothing is attached */
};

static void detach(struct sink *s)
{
	bpf_link__destroy(s->xdp);
	s->xdp = NULL;
	if (s->tc.prog_id == 0)
		return;
	s->tc.prog_fd = 0;
	s->tc.prog_id = 0;
	s->tc.flags = 0;
	bpf_tc_detach(&s->hook, &s->tc);
}

static void attach_tc(struct sink *s, const struct bpf_program *prog)
{
	int err;

	s->tc = (struct bpf_tc_opts){
		.sz = sizeof s->tc, .prog_fd = bpf_program__fd(prog), .handle = 1, .priority = 1
	};
	err = bpf_tc_attach(&s->hook, &s->tc);
	if (err)
		die("tc", err);
}

static bool take_on(struct sink *s, const char *what)
{
	if (strcmp(what, "count") == 0)
		return true;
	detach(s);
	if (strcmp(what, "xdp") == 0) {
		s->xdp = bpf_program__attach_xdp(s->skel->progs.sink_xdp, (int)s->ifindex);
		if (!s->xdp)
			die("xdp", errno);
	} else if (strcmp(what, "tc") == 0) {
		attach_tc(s, s->skel->progs.sink_tc);
	} else if (strcmp(what, "unpack") == 0) {
		attach_tc(s, s->skel->progs.unpack);
	} else {
		return strcmp(what, "off") == 0;
	}
	return true;
}

static void show_counts(struct sink *s)
{
	for (uint32_t kind = 0; kind < FRAMES_KINDS; kind++) {
		uint64_t each[CPUS_MAX] = { 0 }, sum = 0;

		if (bpf_map_lookup_elem(bpf_map__fd(s->skel->maps.arrived), &kind, each) != 0)
			die("counts", errno);
		for (unsigned cpu = 0; cpu < CPUS_MAX; cpu++)
			sum += each[cpu];
		printf("%llu%c", (unsigned long long)sum, kind + 1 < FRAMES_KINDS ? ' ' : '\n');
	}
	fflush(stdout);
}

/* For a sender. */
static void show_id(const struct sink *s)
{
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof info;

	if (bpf_obj_get_info_by_fd(bpf_map__fd(s->skel->maps.arrived), &info, &size) != 0)
		die("counts", errno);
	printf("%u\n", info.id);
	fflush(stdout);
}

static int sink(char **argv)
{
	struct sink s = { .skel = open_parts(), .ifindex = interface(argv[0]) };
	char line[64];
	int err;

	if (libbpf_num_possible_cpus() > CPUS_MAX)
		die("processors", E2BIG);
	load(s.skel);
	s.hook = (struct bpf_tc_hook){ .sz = sizeof s.hook,
		                       .ifindex = (int)s.ifindex,
		                       .attach_point = BPF_TC_INGRESS };
	err = bpf_tc_hook_create(&s.hook);
	if (err && err != -EEXIST)
		die("clsact", err);
	show_id(&s);
	while (fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (!take_on(&s, line))
			return 64;
		show_counts(&s);
	}
	detach(&s);
	frames_bpf__destroy(s.skel);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 12 && strcmp(argv[1], "send") == 0)
		return send_frames(argv + 2);
	if (argc == 3 && strcmp(argv[1], "sink") == 0)
		return sink(argv + 2);
	return 64;
}
