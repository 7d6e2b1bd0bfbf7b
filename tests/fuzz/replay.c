/* Runs a fuzz target over the files of a corpus: replay CORPUS-DIR. */
#include "fuzz.h"

#include <dirent.h>
#include <string.h>

static int replay(const char *path)
{
	static uint8_t data[1 << 16];
	FILE *f = fopen(path, "rb");
	uint8_t *exact;
	size_t n;

	if (!f) {
		perror(path);
		return 1;
	}
	n = fread(data, 1, sizeof data, f);
	fclose(f);
	/* A block of its own, so that a sanitizer sees the first octet too many. */
	exact = malloc(n ? n : 1);
	if (!exact)
		return 1;
	memcpy(exact, data, n);
	fprintf(stderr, "%s\n", path);
	(void)LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	return 0;
}

int main(int argc, char **argv)
{
	DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
	struct dirent *entry;
	unsigned n = 0;
	int bad = 0;

	if (!dir) {
		fprintf(stderr, "usage: replay CORPUS-DIR\n");
		return 1;
	}
	while ((entry = readdir(dir)) != NULL) {
		char path[1024];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
		bad |= replay(path);
		n++;
	}
	closedir(dir);
	printf("%u inputs\n", n);
	return bad || n == 0;
}
