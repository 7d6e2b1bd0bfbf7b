/* Loads one tunnel plugin and does what it is told on standard input, one command a line, one line
 * of answer each: `ok …` or `error N`. What the plugin says on its own comes between, as `log …`
 * and `seen …`. For the conformance script and the benchmark; any tunnel plugin will do.
 *
 *     tunnel-driver PLUGIN.so [OPTION=VALUE…]
 *     tunnel-driver --check PLUGIN.so      its name; `lacks …`: what this machine lacks for it
 */
#include "hmipd-plugin.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define MARK 0x484du
#define WORDS 32
#define OPTIONS 16
/* Until what has no ticket holds. */
#define MOMENT_US 100000
/* Until who looks at the clock once a second has done so. */
#define TICK_US 1100000
/* Whether the plugin was built for a header that had the member, and has it. */
#define COVERS(ops, member)                                                                        \
	((ops)->size >= offsetof(struct hm_tunnel_ops, member) + sizeof((ops)->member) &&          \
	 (ops)->member)

static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER;

static void say(const char *what, const char *text)
{
	pthread_mutex_lock(&output);
	printf("%s %s\n", what, text);
	fflush(stdout);
	pthread_mutex_unlock(&output);
}

static void host_log(void *host, int level, const char *text)
{
	(void)host;
	(void)level;
	say("log", text);
}

static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* What the plugin's clock is ahead of the machine's: command `clock`. */
static atomic_llong ahead_ms;

static int64_t host_now_ms(void *host)
{
	(void)host;
	return now_us() / 1000 + ahead_ms;
}

static void host_random(void *host, void *buf, size_t len)
{
	(void)host;
	if (getrandom(buf, len, 0) != (ssize_t)len)
		abort();
}

static atomic_ulong done;  /* pending operations that were answered */
static atomic_int failure; /* the last error among the answers */

static void host_done(void *host, uint64_t ticket, int result)
{
	(void)host;
	(void)ticket;
	if (result < 0)
		atomic_store(&failure, result);
	atomic_fetch_add(&done, 1);
}

static int host_watch_fd(void *host, int fd, void (*cb)(void *arg), void *arg)
{
	(void)host;
	(void)fd;
	(void)cb;
	(void)arg;
	return HM_PLUGIN_EUNSUPPORTED;
}

static void host_seen(void *host, int what, const uint8_t home[16], const uint8_t peer[16])
{
	char text[120], a[INET6_ADDRSTRLEN], b[INET6_ADDRSTRLEN];

	(void)host;
	inet_ntop(AF_INET6, home, a, sizeof a);
	inet_ntop(AF_INET6, peer, b, sizeof b);
	snprintf(text, sizeof text, "%s %s %s",
	         what == HM_TUNNEL_SEEN_TUNNELLED ? "tunnelled" : "bound", a, b);
	say("seen", text);
}

static const struct hm_host_api api = {
	.size = sizeof api,
	.log = host_log,
	.now_ms = host_now_ms,
	.random = host_random,
	.done = host_done,
	.watch_fd = host_watch_fd,
	.seen = host_seen,
};

struct driver {
	const struct hm_tunnel_ops *ops;
	void *self;
	bool over;
};

static void address(const char *text, uint8_t ret[16])
{
	if (!text || inet_pton(AF_INET6, text, ret) != 1) {
		fprintf(stderr, "tunnel-driver: bad address %s\n", text ? text : "(none)");
		exit(64);
	}
}

static uint32_t kind_of(const char *word)
{
	static const char *const kinds[] = { "encap", "home", "own", "peer" };

	for (uint32_t i = 0; i < 4; i++)
		if (strcmp(word, kinds[i]) == 0)
			return i;
	return UINT32_MAX;
}

/* MATCH [local A] [remote A] [home A] [hop LOCAL REMOTE]… [accept LOCAL REMOTE]… and flags */
static struct hm_tunnel_entry read_entry(uint32_t kind, char **w)
{
	struct hm_tunnel_entry e = { .size = sizeof e, .kind = kind };

	address(*w++, e.match);
	for (; *w; w++) {
		if (strcmp(*w, "local") == 0)
			address(*++w, e.local);
		else if (strcmp(*w, "remote") == 0)
			address(*++w, e.remote);
		else if (strcmp(*w, "home") == 0)
			address(*++w, e.home);
		else if (strcmp(*w, "attract") == 0)
			e.attract = 1;
		else if (strcmp(*w, "rewrite") == 0)
			e.rewrite = 1;
		else if (strcmp(*w, "one-way") == 0)
			e.one_way = 1;
		else if (strcmp(*w, "hop") == 0 && e.n_hops < HM_TUNNEL_HOPS) {
			address(*++w, e.hops[e.n_hops].local);
			address(*++w, e.hops[e.n_hops++].remote);
		} else if (strcmp(*w, "accept") == 0 && e.n_accept < HM_TUNNEL_ACCEPTS) {
			address(*++w, e.accept[e.n_accept].local);
			address(*++w, e.accept[e.n_accept++].remote);
		}
	}
	return e;
}

static void answer(int err)
{
	char text[32];

	snprintf(text, sizeof text, "%d", err);
	say(err < 0 ? "error" : "ok", err < 0 ? text : "");
}

static void do_count(struct driver *d, char **w)
{
	struct hm_tunnel_entry e = read_entry(kind_of(w[1]), w + 2);
	struct hm_tunnel_count c = { 0 };
	char text[120];
	int err = COVERS(d->ops, count) ? d->ops->count(d->self, &e, &c) : HM_PLUGIN_EUNSUPPORTED;

	if (err < 0) {
		answer(err);
		return;
	}
	snprintf(text, sizeof text, "%llu %llu %llu %llu", (unsigned long long)c.packets_in,
	         (unsigned long long)c.octets_in, (unsigned long long)c.packets_out,
	         (unsigned long long)c.octets_out);
	say("ok", text);
}

/* prefix PREFIX PLEN LOCAL IFINDEX on-link|routed */
static struct hm_tunnel_prefix read_prefix(char **w)
{
	struct hm_tunnel_prefix p = { .size = sizeof p };

	address(w[1], p.prefix);
	p.plen = (uint8_t)atoi(w[2]);
	address(w[3], p.local);
	p.ifindex = (uint32_t)atoi(w[4]);
	p.on_link = strcmp(w[5], "on-link") == 0;
	return p;
}

static void next_address(struct hm_tunnel_entry *e)
{
	uint32_t low;

	memcpy(&low, e->match + 12, 4);
	low = htonl(ntohl(low) + 1);
	memcpy(e->match + 12, &low, 4);
}

typedef int entry_op(void *self, uint64_t ticket, const struct hm_tunnel_entry *entry);

/* Puts or deletes n entries, their last 32 bits counting up from e's, and waits for those that are
 * answered later. */
static int for_all(struct driver *d, entry_op *op, unsigned long n, struct hm_tunnel_entry e)
{
	const struct timespec nap = { .tv_nsec = 20000 };
	unsigned long pending = atomic_load(&done);

	for (unsigned long i = 0; i < n; i++) {
		int err = op(d->self, i, &e);

		if (err < 0)
			return err;
		pending += err == HM_PLUGIN_PENDING;
		next_address(&e);
	}
	while (atomic_load(&done) < pending)
		nanosleep(&nap, NULL);
	return atomic_exchange(&failure, 0);
}

/* bulk N FIRST local A remote A, bulk-del N FIRST: answers the milliseconds that took; load: puts
 * and answers the microseconds */
static void do_bulk(struct driver *d, char **w)
{
	struct hm_tunnel_entry e = read_entry(HM_TUNNEL_ENCAP, w + 2);
	int64_t start = now_us(), took;
	bool del = strcmp(w[0], "bulk-del") == 0;
	int err = for_all(d, del ? d->ops->del : d->ops->put, strtoul(w[1], NULL, 10), e);
	char text[64];

	if (err < 0) {
		answer(err);
		return;
	}
	took = now_us() - start;
	snprintf(text, sizeof text, "%lld", (long long)(w[0][0] == 'l' ? took : took / 1000));
	say("ok", text);
}

static void do_stat(struct driver *d)
{
	char text[4096] = "";
	const char *name;
	uint64_t value;
	size_t len = 0;

	for (unsigned i = 0; COVERS(d->ops, stat) && d->ops->stat(d->self, i, &name, &value); i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "%s=%llu ", name,
		                        (unsigned long long)value);
	say("ok", text);
}

/* Answers its lines as `NAME: TEXT; NAME: TEXT`, nothing when the plugin tells none. */
static void do_detail(struct driver *d)
{
	char all[4096] = "", text[512] = "";
	const char *name;
	size_t len = 0;

	for (unsigned i = 0; COVERS(d->ops, detail) && len < sizeof all &&
	                     d->ops->detail(d->self, i, &name, text, sizeof text);
	     i++)
		len += (size_t)snprintf(all + len, sizeof all - len, "%s%s: %s", i ? "; " : "",
		                        name, text);
	say("ok", all);
}

static void do_prefix(struct driver *d, char **w)
{
	struct hm_tunnel_prefix p = read_prefix(w);

	if (!COVERS(d->ops, prefix_put) || !COVERS(d->ops, prefix_del))
		answer(HM_PLUGIN_EUNSUPPORTED);
	else
		answer(strcmp(w[0], "prefix") == 0 ? d->ops->prefix_put(d->self, &p)
		                                   : d->ops->prefix_del(d->self, &p));
}

static void do_entry(struct driver *d, char **w)
{
	bool put = strcmp(w[0], "put") == 0;
	struct hm_tunnel_entry e = read_entry(kind_of(w[1]), w + 2);

	answer(for_all(d, put ? d->ops->put : d->ops->del, 1, e));
}

static void stop(struct driver *d, bool keep)
{
	if (COVERS(d->ops, stop))
		d->ops->stop(d->self, keep);
}

static void obey(struct driver *d, char **w)
{
	uint8_t a[16];

	if (strcmp(w[0], "put") == 0 || strcmp(w[0], "del") == 0) {
		do_entry(d, w);
	} else if (strncmp(w[0], "prefix", 6) == 0) {
		do_prefix(d, w);
	} else if (strcmp(w[0], "count") == 0) {
		do_count(d, w);
	} else if (strncmp(w[0], "bulk", 4) == 0 || strcmp(w[0], "load") == 0) {
		do_bulk(d, w);
	} else if (strcmp(w[0], "stat") == 0) {
		do_stat(d);
	} else if (strcmp(w[0], "detail") == 0) {
		do_detail(d);
	} else if (strcmp(w[0], "mtu") == 0) {
		address(w[1], a);
		if (COVERS(d->ops, path_mtu))
			d->ops->path_mtu(d->self, a, (uint32_t)atoi(w[2]));
		usleep(MOMENT_US);
		answer(0);
	} else if (strcmp(w[0], "clock") == 0) {
		ahead_ms += atoll(w[1]);
		usleep(TICK_US);
		answer(0);
	} else if (strcmp(w[0], "sweep") == 0) {
		if (COVERS(d->ops, sweep))
			d->ops->sweep(d->self);
		usleep(MOMENT_US);
		answer(0);
	} else if (strcmp(w[0], "stop") == 0) {
		stop(d, w[1] && strcmp(w[1], "keep") == 0);
		d->over = true;
	} else {
		say("error", "unknown command");
	}
}

static const struct hm_plugin *load(const char *path)
{
	void *lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const struct hm_plugin *plugin = lib ? dlsym(lib, "hm_plugin") : NULL;

	if (plugin && plugin->magic == HM_PLUGIN_MAGIC && plugin->kind == HM_PLUGIN_TUNNEL)
		return plugin;
	fprintf(stderr, "tunnel-driver: %s: %s\n", path, lib ? "no tunnel plugin" : dlerror());
	exit(69);
}

static void lacks(void *arg, const char *what, const char *fix)
{
	bool *missing = arg;

	if (!fix)
		return;
	printf("lacks %s: %s\n", what, fix);
	*missing = true;
}

static int check(const struct hm_plugin *plugin)
{
	bool missing = false;

	printf("name %s\n", plugin->name);
	if (plugin->check)
		plugin->check(lacks, &missing);
	return missing ? 69 : 0;
}

static const char *option(const char *key, const char *fallback, char **args)
{
	size_t len = strlen(key);

	for (; *args; args++)
		if (strncmp(*args, key, len) == 0 && (*args)[len] == '=')
			return *args + len + 1;
	return fallback;
}

static void *open_plugin(const struct hm_plugin *plugin, char **args)
{
	const char *values[OPTIONS];
	struct hm_plugin_open how = { .size = sizeof how,
		                      .api = &api,
		                      .options = values,
		                      .state_dir = "/tmp",
		                      .mark = MARK };
	void *self = NULL;
	int err;

	for (size_t i = 0; plugin->options && plugin->options[i].key && i < OPTIONS; i++) {
		values[i] = option(plugin->options[i].key, plugin->options[i].fallback, args);
		how.n_options = i + 1;
	}
	if (strcmp(option("accept-rh0", "no", args), "yes") == 0)
		how.flags = HM_PLUGIN_ACCEPT_RH0;
	err = plugin->open(&how, &self);
	if (err < 0) {
		fprintf(stderr, "tunnel-driver: open failed: %d\n", err);
		exit(69);
	}
	return self;
}

int main(int argc, char **argv)
{
	const struct hm_plugin *plugin;
	struct driver d = { 0 };
	char line[1024];

	if (argc == 3 && strcmp(argv[1], "--check") == 0)
		return check(load(argv[2]));
	if (argc < 2)
		return 64;
	plugin = load(argv[1]);
	d.ops = plugin->tunnel;
	d.self = open_plugin(plugin, argv + 2);
	say("ok", "open");
	while (!d.over && fgets(line, sizeof line, stdin)) {
		char *words[WORDS + 1] = { NULL }, *save = NULL;
		unsigned n = 0;

		for (char *w = strtok_r(line, " \n", &save); w && n < WORDS;
		     w = strtok_r(NULL, " \n", &save))
			words[n++] = w;
		if (n > 0)
			obey(&d, words);
	}
	if (!d.over)
		stop(&d, false);
	plugin->close(d.self);
	say("ok", "closed");
	return 0;
}
