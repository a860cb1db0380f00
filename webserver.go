package main

import (
	"errors"
	"fmt"
	nethttp "net/http"

	"github.com/spf13/cobra"

	"mox/config"
	"mox/http"
)

func webserverCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "webserver",
		Short: "Look at what the web server does",
		Long: `Webserver has a subcommand that tells what the web server does with a request,
by the configuration files. No server needs to run.`,
		RunE: groupRun,
	}
	cmd.AddCommand(webserverTryCommand())
	return cmd
}

func webserverTryCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "try url",
		Short: "Tell what answers a request",
		Long: `Try tells for each listener that has the port of a URL what answers a request
for it: a service, a handler of WebHandlers by its LogName or position, or
nobody.
The handler itself is not asked: one with ContinueNotFound may leave the answer
to the next one. The host name is not looked up.`,
		Example: `  mox webserver try https://www.example.org/blog/
  mox webserver try http://localhost:8010/metrics`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("give one URL, e.g. https://www.example.org/")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := configPath(cmd)
			if err != nil {
				return err
			}
			cfg, err := config.Load(config.Options{Path: path})
			if err != nil {
				return err
			}
			l, err := http.Explain(cfg, args[0])
			if errors.Is(err, http.ErrURL) {
				return usageError{fmt.Errorf("%w; give one such as https://www.example.org/", err)}
			} else if err != nil {
				return err
			}
			if len(l) == 0 {
				return errors.New("no listener has HTTP at the port of that URL; see WebserverHTTP and the like in mox.conf")
			}
			for _, e := range l {
				fmt.Fprintf(cmd.OutOrStdout(), "listener %s, port %d: %s\n", printable(e.Listener), e.Port, printable(explained(e)))
			}
			return nil
		},
	}
}

// explained tells people about an answer.
func explained(e http.Explanation) string {
	switch {
	case e.Location != "":
		return fmt.Sprintf("%s, code %d, to %s", e.Handler, e.Code, e.Location)
	case e.Code >= 400:
		return fmt.Sprintf("%s, code %d %s", e.Handler, e.Code, nethttp.StatusText(e.Code))
	case e.Code != 0:
		return fmt.Sprintf("%s, code %d", e.Handler, e.Code)
	}
	return e.Handler
}
