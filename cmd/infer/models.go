package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"kvasir/internal/hub"
)

func (a *app) pullCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "pull MODEL",
		Short: "Fetch a model into the store",
		Long:  "Fetch a model and check its size and SHA-256. An interrupted download is continued by the next pull.",
		Args:  exactArgs(1, "one model"),
		RunE: func(cmd *cobra.Command, args []string) error {
			st, err := hub.Open("")
			if err != nil {
				return err
			}
			p := a.newProgress()
			info, err := st.Pull(cmd.Context(), args[0], p.options())
			p.close()
			if err != nil {
				return refError(err)
			}
			path, err := st.Path(info.Name)
			if err != nil {
				return err
			}
			fmt.Fprintf(a.out, "%s  %s  %s\n", info.Name, byteSize(info.Bytes), path)
			return nil
		},
	}
}

// modelRow is one line of `infer list`.
type modelRow struct {
	Name        string `json:"name"`
	Bytes       int64  `json:"bytes"`
	Licence     string `json:"licence,omitempty"`
	Stored      bool   `json:"stored"`
	Source      string `json:"source,omitempty"`
	Path        string `json:"path,omitempty"`
	Description string `json:"description,omitempty"`
}

func (a *app) listCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List stored models and those that can be fetched by name",
		Args:    exactArgs(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			rows, err := modelRows()
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(a.out).Encode(rows)
			}
			w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "NAME\tSIZE\tSTORED\tLICENCE\tDESCRIPTION")
			for _, r := range rows {
				stored := "no"
				if r.Stored {
					stored = "yes"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.Name, byteSize(r.Bytes), stored, r.Licence, r.Description)
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func modelRows() ([]modelRow, error) {
	st, err := hub.Open("")
	if err != nil {
		return nil, err
	}
	stored, err := st.List()
	if err != nil {
		return nil, err
	}
	rows := make([]modelRow, 0, len(stored))
	seen := map[string]bool{}
	for _, i := range stored {
		seen[i.Name] = true
		r := modelRow{Name: i.Name, Bytes: i.Bytes, Licence: i.Licence, Stored: true, Source: i.Source, Description: hub.Catalogue[i.Name].Description}
		if r.Path, err = st.Path(i.Name); err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	for _, n := range hub.Names(hub.Catalogue) {
		if e := hub.Catalogue[n]; !seen[n] {
			rows = append(rows, modelRow{Name: n, Bytes: e.Bytes, Licence: e.Licence, Description: e.Description})
		}
	}
	return rows, nil
}

func (a *app) rmCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rm MODEL",
		Short: "Remove a model from the store",
		Args:  exactArgs(1, "one model"),
		RunE: func(_ *cobra.Command, args []string) error {
			st, err := hub.Open("")
			if err != nil {
				return err
			}
			return st.Remove(args[0])
		},
	}
}
