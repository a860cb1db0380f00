/*
 * Evaluates DMARC with OpenDMARC's library. Arguments: address and port of a name server, and the path of
 * the list of public suffixes. Each line of the standard input is a case of words: the domain of From, the
 * domain that SPF is for, the result of SPF, and then, any number of times, the domain of a DKIM
 * signature and its result. Results are "pass", "fail", "temperror" and "none". For each a line is printed: what was
 * found ("record", "absent", "temperror" or "error" with a number), what is to be done ("pass", "none", "quarantine",
 * "reject" or "absent"), and whether DKIM and SPF are aligned ("yes" or "no").
 */
#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <opendmarc/dmarc.h>

/* outcome returns the number of a result, which SPF and DKIM have alike. */
static int
outcome(const char *s)
{
	if (strcmp(s, "pass") == 0)
		return DMARC_POLICY_SPF_OUTCOME_PASS;
	if (strcmp(s, "fail") == 0)
		return DMARC_POLICY_SPF_OUTCOME_FAIL;
	if (strcmp(s, "temperror") == 0)
		return DMARC_POLICY_SPF_OUTCOME_TMPFAIL;
	return DMARC_POLICY_SPF_OUTCOME_NONE;
}

static const char *
policy(int status)
{
	switch (status) {
	case DMARC_POLICY_PASS:
		return "pass";
	case DMARC_POLICY_NONE:
		return "none";
	case DMARC_POLICY_QUARANTINE:
		return "quarantine";
	case DMARC_POLICY_REJECT:
		return "reject";
	case DMARC_POLICY_ABSENT:
		return "absent";
	}
	return opendmarc_policy_status_to_str(status);
}

static void
evaluate(char *line)
{
	DMARC_POLICY_T *ctx;
	char *words[64], found[32];
	int n = 0, st, todo, dkim = 0, spf = 0;

	for (char *s = strtok(line, " \n"); s != NULL && n < 64; s = strtok(NULL, " \n"))
		words[n++] = s;
	if (n < 3 || n % 2 == 0)
		errx(1, "a case of %d words", n);
	ctx = opendmarc_policy_connect_init((u_char *)"192.0.2.1", DMARC_POLICY_IP_TYPE_IPV4);
	if (ctx == NULL)
		errx(1, "opendmarc_policy_connect_init");
	if (opendmarc_policy_store_from_domain(ctx, (u_char *)words[0]) != DMARC_PARSE_OKAY)
		errx(1, "From domain %s", words[0]);
	if (opendmarc_policy_store_spf(ctx, (u_char *)words[1], outcome(words[2]), DMARC_POLICY_SPF_ORIGIN_MAILFROM, NULL) != DMARC_PARSE_OKAY)
		errx(1, "SPF domain %s", words[1]);
	for (int i = 3; i < n; i += 2)
		if (opendmarc_policy_store_dkim(ctx, (u_char *)words[i], (u_char *)"s", outcome(words[i + 1]), NULL) != DMARC_PARSE_OKAY)
			errx(1, "DKIM domain %s", words[i]);
	st = opendmarc_policy_query_dmarc(ctx, (u_char *)words[0]);
	switch (st) {
	case DMARC_PARSE_OKAY:
		strcpy(found, "record");
		break;
	case DMARC_DNS_ERROR_NO_RECORD:
	case DMARC_DNS_ERROR_NXDOMAIN:
	case DMARC_POLICY_ABSENT:
		strcpy(found, "absent");
		break;
	case DMARC_DNS_ERROR_TMPERR:
		strcpy(found, "temperror");
		break;
	default:
		snprintf(found, sizeof found, "error%d", st);
	}
	todo = opendmarc_get_policy_to_enforce(ctx);
	(void)opendmarc_policy_fetch_alignment(ctx, &dkim, &spf);
	printf("%s %s %s %s\n", found, policy(todo), dkim == DMARC_POLICY_DKIM_ALIGNMENT_PASS ? "yes" : "no",
	    spf == DMARC_POLICY_SPF_ALIGNMENT_PASS ? "yes" : "no");
	(void)opendmarc_policy_connect_shutdown(ctx);
}

int
main(int argc, char **argv)
{
	OPENDMARC_LIB_T lib = {.tld_type = OPENDMARC_TLD_TYPE_MOZILLA, .nscount = 1};
	char line[4096];

	if (argc != 4)
		errx(1, "usage: opendmarc address port list");
	snprintf((char *)lib.tld_source_file, sizeof lib.tld_source_file, "%s", argv[3]);
	lib.nsaddr_list[0].sin_family = AF_INET;
	lib.nsaddr_list[0].sin_port = htons(atoi(argv[2]));
	if (inet_pton(AF_INET, argv[1], &lib.nsaddr_list[0].sin_addr) != 1)
		errx(1, "address %s", argv[1]);
	if (opendmarc_policy_library_init(&lib) != DMARC_PARSE_OKAY)
		errx(1, "opendmarc_policy_library_init");
	while (fgets(line, sizeof line, stdin) != NULL)
		evaluate(line);
	return 0;
}
