/* store-load [N [DIR [keep]]]: how fast N bindings are made durable, and how fast they are back at
 * a start. Every figure is of a process of its own, so that memory is that of the phase alone. With
 * `keep` DIR becomes a state directory with N bindings, and nothing else is done. */
#include "base/rand.h"
#include "host/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct bench {
	char dir[256];
	uint32_t n;
	uv_loop_t loop;
	struct hm_store *store;
	uint64_t answers, failures, loaded;
	uint64_t worst_ns, sent_ns;
};

static void on_done(void *arg, uint64_t cookie, int err)
{
	struct bench *b = arg;
	uint64_t took = uv_hrtime() - b->sent_ns;

	(void)cookie;
	b->answers++;
	b->failures += err != 0;
	if (took > b->worst_ns)
		b->worst_ns = took;
}

static void open_store(struct bench *b)
{
	struct hm_store_options options = {
		.state_dir = b->dir, .loop = &b->loop, .done = on_done, .arg = b
	};
	char why[512];

	uv_loop_init(&b->loop);
	if (hm_store_open(&options, &b->store, why, sizeof why) == 0)
		return;
	fprintf(stderr, "store-load: %s\n", why);
	_exit(1);
}

static void close_store(struct bench *b)
{
	hm_store_close(b->store);
	uv_run(&b->loop, UV_RUN_DEFAULT);
	uv_loop_close(&b->loop);
	if (b->failures) {
		fprintf(stderr, "store-load: %llu records were not written\n",
		        (unsigned long long)b->failures);
		_exit(1);
	}
}

/* Interface identifiers are as good as random; the n-th is always the same. */
static struct hm_record binding_of(uint32_t n, uint16_t seq)
{
	struct hm_record r = { .kind = HM_RECORD_BINDING, .binding = { .role = HM_ROLE_MS } };
	hm_ms now = (hm_ms)(uv_hrtime() / 1000000);
	struct hm_rand rand;
	uint64_t iid;

	hm_rand_init(&rand, n);
	iid = hm_rand_next(&rand);
	r.binding.home = (struct hm_addr){ { 0x20, 0x01, 0x0d, 0xb8, [5] = 1 } };
	memcpy(&r.binding.home.b[8], &iid, sizeof iid);
	r.binding.gcoa = r.binding.home;
	r.binding.gcoa.b[5] = 0xf1;
	r.binding.coa = r.binding.gcoa;
	r.binding.coa.b[7] = (uint8_t)seq;
	r.binding.seq = seq;
	r.binding.lifetime_s = 86400;
	r.binding.registered_ms = now;
	r.binding.expires_ms = hm_lifetime_end(now, 86400);
	return r;
}

static struct hm_record seq_of(const struct hm_record *binding)
{
	return (struct hm_record){ .kind = HM_RECORD_SEQ,
		                   .seq = { .use = HM_USE_MH_MS,
		                            .home = binding->binding.home,
		                            .seq = binding->binding.seq } };
}

static void wait_for(struct bench *b, uint64_t answers)
{
	while (b->answers < answers)
		uv_run(&b->loop, UV_RUN_ONCE);
}

/* Writes `count` registrations (a binding and its number each), `batch` at a time; each batch waits
 * for the one before it. */
static void write_batches(struct bench *b, const char *what, uint32_t count, uint32_t batch,
                          bool refresh)
{
	struct hm_rand rand;
	uint64_t start = uv_hrtime(), took;

	hm_rand_init(&rand, batch);
	b->answers = b->worst_ns = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t which = refresh ? hm_rand_below(&rand, b->n) : i;
		struct hm_record binding = binding_of(which, (uint16_t)(refresh ? batch : 1));
		struct hm_record seq = seq_of(&binding);

		if (hm_store_put(b->store, &seq, 0) || hm_store_put(b->store, &binding, 1))
			abort();
		if (i % batch != batch - 1)
			continue;
		b->sent_ns = uv_hrtime();
		hm_store_flush(b->store);
		wait_for(b, i + 1);
	}
	b->sent_ns = uv_hrtime();
	hm_store_flush(b->store);
	wait_for(b, count);
	took = uv_hrtime() - start;
	printf("phase=%s batch=%u registrations=%u rows_per_s=%.0f worst_ms=%.1f\n", what, batch,
	       count, 2.0 * count * 1e9 / (double)took, (double)b->worst_ns / 1e6);
}

static void fill(struct bench *b)
{
	open_store(b);
	write_batches(b, "insert", b->n, 1024, false);
	close_store(b);
}

static void refresh(struct bench *b)
{
	static const uint32_t batches[] = { 1, 8, 64, 512, 4096 };

	open_store(b);
	for (unsigned i = 0; i < sizeof batches / sizeof batches[0]; i++) {
		uint32_t count = batches[i] * (batches[i] < 64 ? 500 : 40);

		write_batches(b, "refresh", count < b->n ? count : b->n, batches[i], true);
	}
	close_store(b);
}

static void on_record(void *arg, const struct hm_record *record)
{
	struct bench *b = arg;

	b->loaded += record->kind == HM_RECORD_BINDING;
}

static long rss_kib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

static void load(struct bench *b)
{
	uint64_t start = uv_hrtime(), opened;
	long before = rss_kib();

	open_store(b);
	opened = uv_hrtime();
	if (hm_store_load(b->store, on_record, b) != 0 || b->loaded != b->n)
		abort();
	printf("phase=start bindings=%llu open_s=%.3f load_s=%.3f peak_rss_mib=%.1f "
	       "of_which_load_mib=%.1f\n",
	       (unsigned long long)b->loaded, (double)(opened - start) / 1e9,
	       (double)(uv_hrtime() - opened) / 1e9, (double)rss_kib() / 1024,
	       (double)(rss_kib() - before) / 1024);
	close_store(b);
}

static int in_child(struct bench *b, void (*phase)(struct bench *b))
{
	pid_t child;
	int status = 1;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		phase(b);
		fflush(stdout);
		_exit(0);
	}
	return child > 0 && waitpid(child, &status, 0) == child && status == 0 ? 0 : 1;
}

static void remove_file(const struct bench *b, const char *name)
{
	char path[300];

	snprintf(path, sizeof path, "%s/%s", b->dir, name);
	unlink(path);
}

int main(int argc, char **argv)
{
	struct bench b = { .n = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000 };
	char path[300];
	struct stat st;
	int failed;

	snprintf(b.dir, sizeof b.dir, "%s/hmipd-bench-XXXXXX", argc > 2 ? argv[2] : "/tmp");
	if (b.n > 0 && argc == 4 && strcmp(argv[3], "keep") == 0) {
		snprintf(b.dir, sizeof b.dir, "%s", argv[2]);
		return in_child(&b, fill);
	}
	if (b.n == 0 || argc > 3 || !mkdtemp(b.dir)) {
		fprintf(stderr, "usage: store-load [N [DIR [keep]]]\n");
		return 64;
	}
	failed = in_child(&b, fill) || in_child(&b, refresh) || in_child(&b, load);
	snprintf(path, sizeof path, "%s/hmipd.db", b.dir);
	if (!failed && stat(path, &st) == 0)
		printf("phase=file mib=%.1f octets_per_registration=%.0f\n",
		       (double)st.st_size / (1 << 20), (double)st.st_size / b.n);
	remove_file(&b, "hmipd.db");
	remove_file(&b, "hmipd.db-wal");
	remove_file(&b, "hmipd.db-shm");
	remove_file(&b, "hmipd.lock");
	rmdir(b.dir);
	return failed;
}
