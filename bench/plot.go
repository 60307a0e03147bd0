package main

import (
	"bytes"
	"fmt"
)

// Sizes of the plot, pixels.
const (
	panelWidth = 400
	barHeight  = 16
	barLeft    = 130
	barRight   = 320
)

// colors are by server; ours stand out.
var colors = map[string]string{floor: "#bbb", memory: "#0a7", durable: "#075"}

// plot draws a panel of bars for every column that asks for it, two beside each other.
func plot(all []found) []byte {
	var panels bytes.Buffer
	n := 0
	height := len(servers)*barHeight + 40
	for _, f := range all {
		for _, c := range f.columns {
			if c.plot {
				fmt.Fprintf(&panels, `<g transform="translate(%d %d)">`, n%2*panelWidth, n/2*height)
				panel(&panels, f, c)
				panels.WriteString("</g>\n")
				n++
			}
		}
	}
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11">
<rect width="100%%" height="100%%" fill="#fff"/>
%s</svg>
`, 2*panelWidth, (n+1)/2*height, panels.Bytes())
}

func panel(b *bytes.Buffer, f found, c column) {
	most := 0.0
	for _, one := range f.of {
		most = max(most, one.metrics[c.metric])
	}
	fmt.Fprintf(b, `<text x="10" y="20" font-weight="bold">%s: %s</text>`, f.title, c.title)
	y := 30
	for _, s := range servers {
		v, ok := f.of[s.key].metrics[c.metric]
		if !ok || most == 0 {
			continue
		}
		color := colors[s.key]
		if color == "" {
			color = "#68a"
		}
		width := max(v, 0) / most * (barRight - barLeft)
		fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%s</text><rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/><text x="%.1f" y="%d">%s</text>`,
			barLeft-6, y+11, s.key, barLeft, y, width, barHeight-3, color, barLeft+width+4, y+11, number(v, c.digits))
		y += barHeight
	}
}
