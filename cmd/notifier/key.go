package main

import (
	"fmt"
	"io"

	"notifier/auth"
)

type keyCmd struct {
	New keyNewCmd `cmd:"" help:"Make an API key for a publisher."`
}

// Help is shown by key --help.
func (keyCmd) Help() string {
	return `Example:

    notifier key new --name shop`
}

type keyNewCmd struct {
	Name string `default:"backend" placeholder:"NAME" help:"Publisher's name, for the logs (${default})."`
}

// Help is shown by key new --help.
func (*keyNewCmd) Help() string {
	return `Example:

    notifier key new --name shop

What is printed are two variables. The first is the key, for the publisher, who sends it as Authorization: Bearer or X-API-Key: it is nowhere else, and not shown again. The second is for the server, and worthless to others; --api-key takes the same, and a file that --api-keys names can limit what a key may do:

    - name: shop
      hash: sha256:...
      rights: [publish, control, tickets]
      prefixes: ["shop:"]
      rate: 100`
}

func (c *keyNewCmd) Run(out io.Writer) error {
	if err := auth.CheckName(c.Name); err != nil {
		return usageError{fmt.Errorf("--name %w", err)}
	}
	key, hash := auth.NewAPIKey()
	_, err := fmt.Fprintf(out, "NOTIFIER_KEY=%s\nNOTIFIER_API_KEY=%s=%s\n", key, c.Name, hash)
	return err
}
