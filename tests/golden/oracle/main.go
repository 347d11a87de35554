// Oracle makes up cases and answers them with Kubernetes' own code.
//
// It writes one JSON object per line: first the cases that people trip over, then `count` random ones. The same seed
// gives the same cases. What reads them is tests/golden/compare.c.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
)

// A kind of case: those known to be hard, and a maker of random ones.
type kind struct {
	known  func() []any
	random func(*rand.Rand) any
}

var kinds = map[string]kind{
	"quantities": {knownQuantities, randomQuantity},
	"requests":   {knownRequests, randomRequests},
	"selectors":  {knownSelectors, randomSelector},
	"yaml":       {knownYAML, randomYAML},
}

func names() string {
	var list []string
	for name := range kinds {
		list = append(list, name)
	}
	slices.Sort(list)
	return strings.Join(list, "|")
}

func write(kind kind, seed uint64, count int) error {
	output := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(output)
	encoder.SetEscapeHTML(false)
	for _, one := range kind.known() {
		if err := encoder.Encode(one); err != nil {
			return err
		}
	}
	random := rand.New(rand.NewPCG(seed, 0))
	for range count {
		if err := encoder.Encode(kind.random(random)); err != nil {
			return err
		}
	}
	return output.Flush()
}

func main() {
	flags := flag.NewFlagSet("oracle", flag.ExitOnError)
	seed := flags.Uint64("seed", 1, "what the random cases are made from")
	count := flags.Int("count", 1000, "how many random cases follow the known ones")
	flags.Usage = func() {
		fmt.Fprintf(os.Stderr, "usage: oracle %s [--seed N] [--count N]\n", names())
		flags.PrintDefaults()
	}
	if len(os.Args) < 2 {
		flags.Usage()
		os.Exit(2)
	}
	kind, found := kinds[os.Args[1]]
	if flags.Parse(os.Args[2:]); !found || flags.NArg() > 0 {
		flags.Usage()
		os.Exit(2)
	}
	if err := write(kind, *seed, *count); err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
}
