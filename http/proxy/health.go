package proxy

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// watchHealth asks an upstream regularly, until the context ends.
func (h *Handler) watchHealth(ctx context.Context, up *upstream) {
	ticker := time.NewTicker(h.opts.Health.Interval)
	defer ticker.Stop()
	for {
		err := h.askHealth(ctx, up)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			h.opts.Log.Info("health check of an upstream failed", slog.String("upstream", up.name), slog.Any("err", err))
		}
		up.checked(err)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// askHealth asks an upstream once. Codes 200 to 399 are good ones.
func (h *Handler) askHealth(ctx context.Context, up *upstream) error {
	now := time.Now()
	ctx, cancel := context.WithDeadline(ctx, now.Add(h.opts.Health.Timeout))
	defer cancel()
	c, err := up.dial(ctx)
	if err != nil {
		return err
	}
	defer c.nc.Close()
	c.begin(ctx, now, now.Add(h.opts.Health.Timeout))
	defer c.end()
	host := h.opts.Health.Host
	if host == "" {
		host = up.host
	}
	request := fmt.Appendf(nil, "GET %s%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: mox\r\nConnection: close\r\n\r\n", up.path, h.opts.Health.Path, host)
	if err := c.write(request, 0); err != nil {
		return err
	}
	var head head
	for range maxInformational {
		b, err := c.in.head(h.opts.MaxResponseHeader)
		if err != nil {
			return err
		}
		if err := parseHead(&head, b); err != nil {
			return err
		}
		if head.code >= 200 {
			break
		}
	}
	if head.code < 200 || head.code > 399 {
		return fmt.Errorf("health check: code %d", head.code)
	}
	return nil
}
