package loadtest

import (
	"fmt"
	"io"
	"strings"
)

// Sizes of the plot, pixels.
const (
	plotWidth   = 760
	panelHeight = 220
	plotLeft    = 60
	plotRight   = plotWidth - 20
	plotTop     = 40
	plotBottom  = panelHeight - 30
)

// WriteSVG draws the result: how late deliveries were, and how that went on.
func (r *Result) WriteSVG(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11">
<rect width="100%%" height="100%%" fill="#fff"/>
`, plotWidth, 3*panelHeight)
	r.bars(&b)
	fmt.Fprintf(&b, `<g transform="translate(0 %d)">`, panelHeight)
	lines(&b, "latency of deliveries over time, ms (p99 and, darker, p50)", []line{
		{"#8cd", r.series(func(s Second) float64 { return s.P99 })},
		{"#075", r.series(func(s Second) float64 { return s.P50 })},
	})
	fmt.Fprintf(&b, "</g>\n<g transform=\"translate(0 %d)\">", 2*panelHeight)
	lines(&b, "deliveries a second", []line{{"#075", r.series(func(s Second) float64 { return float64(s.Delivered) })}})
	b.WriteString("</g>\n</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Result) series(of func(Second) float64) (values []float64) {
	for _, s := range r.Seconds {
		values = append(values, of(s))
	}
	return values
}

// bars are the buckets.
func (r *Result) bars(b *strings.Builder) {
	title := fmt.Sprintf("latency of %d deliveries to %d streams: p50 %.2f ms, p99 %.2f ms, longest %.2f ms",
		r.Delivered, r.Streams, r.Delivery.P50, r.Delivery.P99, r.Delivery.Max)
	fmt.Fprintf(b, `<text x="%d" y="20" font-weight="bold">%s</text>`, plotLeft, title)
	var most int64 = 1
	for _, k := range r.Buckets {
		most = max(most, k.Count)
	}
	width := float64(plotRight-plotLeft) / float64(max(len(r.Buckets), 1))
	for i, k := range r.Buckets {
		x := plotLeft + float64(i)*width
		height := float64(k.Count) / float64(most) * (plotBottom - plotTop)
		fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="#0a7"/>`, x+2, plotBottom-height, width-4, height)
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle">≤ %g ms</text>`, x+width/2, plotBottom+16, k.UpTo)
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="middle" fill="#555">%.1f %%</text>`, x+width/2, plotBottom-height-4, 100*float64(k.Count)/float64(r.Delivered))
	}
	b.WriteString("\n")
}

// A line is a value for each second.
type line struct {
	color  string
	values []float64
}

func lines(b *strings.Builder, title string, all []line) {
	most, seconds := 0.0, 1
	for _, l := range all {
		seconds = max(seconds, len(l.values))
		for _, v := range l.values {
			most = max(most, v)
		}
	}
	most = max(most, 1e-9)
	fmt.Fprintf(b, `<text x="%d" y="20" font-weight="bold">%s</text>`, plotLeft, title)
	for part := range 5 { // a grid of quarters
		y := plotBottom - float64(part)/4*(plotBottom-plotTop)
		fmt.Fprintf(b, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end" fill="#555">%s</text>`,
			plotLeft, y, plotRight, plotLeft-6, y+4, number(most*float64(part)/4))
	}
	for _, l := range all {
		var points strings.Builder
		for i, v := range l.values {
			x := plotLeft + (float64(i)+0.5)/float64(seconds)*(plotRight-plotLeft)
			fmt.Fprintf(&points, "%.1f,%.1f ", x, plotBottom-v/most*(plotBottom-plotTop))
		}
		fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`, points.String(), l.color)
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" fill="#555">0 s</text><text x="%d" y="%d" text-anchor="end" fill="#555">%d s</text>`,
		plotLeft, plotBottom+16, plotRight, plotBottom+16, seconds)
	b.WriteString("\n")
}

// number has three digits that matter, and all of those before the point.
func number(v float64) string {
	if v >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}
