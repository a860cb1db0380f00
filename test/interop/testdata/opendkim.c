/*
 * Signs messages and verifies signatures with OpenDKIM's library. The argument names a file with
 * keys: on each line the name of a record and its text. Requests come on the standard input, each a
 * line of words, the last of which is the length of the message after it:
 *
 *	verify LENGTH
 *	sign KEYFILE ALGORITHM HEADER BODY SELECTOR DOMAIN BODYLENGTH FIELDS OVERSIGNED TIME TTL LENGTH
 *
 * HEADER and BODY are canonicalizations; BODYLENGTH is "all" or "l"; FIELDS and OVERSIGNED are
 * names separated by colons, or "default"; TIME and TTL are seconds or 0. An answer is a line with a length, and
 * then that many bytes: for verify a line for each signature, "pass" or a reason, for sign the
 * field, or "error: " and a reason.
 */
#include <err.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <opendkim/dkim.h>

static char answer[1 << 16];

static void
reply(void)
{
	printf("%zu\n%s", strlen(answer), answer);
}

/* load returns what a file has. */
static char *
load(const char *path)
{
	char *b;
	size_t n;
	FILE *f;

	f = fopen(path, "r");
	if (f == NULL || (b = calloc(1, 1 << 16)) == NULL)
		err(1, "%s", path);
	n = fread(b, 1, (1 << 16) - 1, f);
	if (n == 0)
		errx(1, "%s is empty", path);
	fclose(f);
	return b;
}

static void
set(DKIM_LIB *lib, int option, void *value, size_t size)
{
	if (dkim_options(lib, DKIM_OP_SETOPT, option, value, size) != DKIM_STAT_OK)
		errx(1, "setting option %d", option);
}

/* setnames sets an option to names of fields. */
static void
setnames(DKIM_LIB *lib, int option, char *list)
{
	const char *names[64];
	int n = 0;

	if (strcmp(list, "default") == 0)
		return;
	for (char *s = strtok(list, ":"); s != NULL && n < 63; s = strtok(NULL, ":"))
		names[n++] = s;
	names[n] = NULL;
	set(lib, option, names, sizeof(char **));
}

/* feed gives a message to the library. */
static DKIM_STAT
feed(DKIM *dkim, char *message, size_t length)
{
	DKIM_STAT st;

	st = dkim_chunk(dkim, (u_char *)message, length);
	if (st != DKIM_STAT_OK)
		return st;
	st = dkim_chunk(dkim, NULL, 0);
	if (st != DKIM_STAT_OK)
		return st;
	return dkim_eom(dkim, NULL);
}

static void
verify(DKIM_LIB *lib, char *message, size_t length)
{
	DKIM_STAT st;
	DKIM_SIGINFO **sigs;
	DKIM *dkim;
	const char *s;
	int n = 0;

	dkim = dkim_verify(lib, (u_char *)"verify", NULL, &st);
	if (dkim == NULL)
		errx(1, "dkim_verify: %s", dkim_getresultstr(st));
	st = feed(dkim, message, length);
	answer[0] = '\0';
	if (dkim_getsiglist(dkim, &sigs, &n) != DKIM_STAT_OK || n == 0)
		snprintf(answer, sizeof answer, "message: %s\n", dkim_getresultstr(st));
	for (int i = 0; i < n; i++) {
		(void)dkim_sig_process(dkim, sigs[i]); /* Those that are still to be done. */
		if (DKIM_SIG_CHECK(sigs[i]))
			s = "pass";
		else if (dkim_sig_getbh(sigs[i]) == DKIM_SIGBH_MISMATCH)
			s = "body hash mismatch";
		else
			s = dkim_sig_geterrorstr(dkim_sig_geterror(sigs[i]));
		if (s == NULL)
			s = dkim_geterror(dkim) != NULL ? dkim_geterror(dkim) : dkim_getresultstr(st);
		snprintf(answer + strlen(answer), sizeof answer - strlen(answer), "%s\n", s);
	}
	reply();
	dkim_free(dkim);
}

/* sign makes a signature. w are the words of the request after the first. */
static void
sign(char **w, char *message, size_t length)
{
	u_char *field;
	size_t n;
	uint64_t when = strtoull(w[9], NULL, 10), ttl = strtoull(w[10], NULL, 10);
	unsigned int flags = DKIM_LIBFLAGS_NONE;
	DKIM_STAT st;
	DKIM_LIB *lib;
	DKIM *dkim;
	char *key = load(w[0]);
	bool whole = strcmp(w[6], "all") == 0;

	lib = dkim_init(NULL, NULL);
	if (lib == NULL)
		errx(1, "dkim_init");
	if (!whole)
		flags |= DKIM_LIBFLAGS_SIGNLEN;
	set(lib, DKIM_OPTS_FLAGS, &flags, sizeof flags);
	setnames(lib, DKIM_OPTS_SIGNHDRS, w[7]);
	setnames(lib, DKIM_OPTS_OVERSIGNHDRS, w[8]);
	if (when != 0)
		set(lib, DKIM_OPTS_FIXEDTIME, &when, sizeof when);
	if (ttl != 0)
		set(lib, DKIM_OPTS_SIGNATURETTL, &ttl, sizeof ttl);
	dkim = dkim_sign(lib, (u_char *)"sign", NULL, (dkim_sigkey_t)key, (u_char *)w[4], (u_char *)w[5],
	    strcmp(w[2], "simple") == 0 ? DKIM_CANON_SIMPLE : DKIM_CANON_RELAXED,
	    strcmp(w[3], "simple") == 0 ? DKIM_CANON_SIMPLE : DKIM_CANON_RELAXED,
	    strcmp(w[1], "rsa-sha256") == 0 ? DKIM_SIGN_RSASHA256 : DKIM_SIGN_ED25519SHA256,
	    -1, &st);
	if (dkim == NULL)
		errx(1, "dkim_sign: %s", dkim_getresultstr(st));
	st = feed(dkim, message, length);
	if (st == DKIM_STAT_OK)
		st = dkim_getsighdr_d(dkim, strlen(DKIM_SIGNHEADER ": "), &field, &n);
	if (st == DKIM_STAT_OK)
		snprintf(answer, sizeof answer, DKIM_SIGNHEADER ": %.*s\r\n", (int)n, (char *)field);
	else
		snprintf(answer, sizeof answer, "error: %s %s\n", dkim_getresultstr(st),
		    dkim_geterror(dkim) == NULL ? "" : dkim_geterror(dkim));
	reply();
	dkim_free(dkim);
	dkim_close(lib);
	free(key);
}

int
main(int argc, char **argv)
{
	char line[4096], *words[16], *message;
	size_t length;
	dkim_query_t method = DKIM_QUERY_FILE;
	DKIM_LIB *lib;

	if (argc != 2)
		errx(1, "usage: opendkim keys");
	lib = dkim_init(NULL, NULL);
	if (lib == NULL)
		errx(1, "dkim_init");
	set(lib, DKIM_OPTS_QUERYMETHOD, &method, sizeof method);
	set(lib, DKIM_OPTS_QUERYINFO, argv[1], strlen(argv[1]));
	while (fgets(line, sizeof line, stdin) != NULL) {
		int n = 0;
		for (char *s = strtok(line, " \n"); s != NULL && n < 16; s = strtok(NULL, " \n"))
			words[n++] = s;
		if (n < 2)
			errx(1, "empty request");
		length = strtoull(words[n - 1], NULL, 10);
		message = malloc(length + 1);
		if (message == NULL || fread(message, 1, length, stdin) != length)
			err(1, "reading a message");
		if (strcmp(words[0], "verify") == 0 && n == 2)
			verify(lib, message, length);
		else if (strcmp(words[0], "sign") == 0 && n == 13)
			sign(words + 1, message, length);
		else
			errx(1, "unknown request %s", words[0]);
		free(message);
	}
	dkim_close(lib);
	return 0;
}
