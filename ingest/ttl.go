package ingest

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// ttlOf reads a duration such as "90s". If it is none or out of range, it says
// what is wrong.
func ttlOf(text string, most time.Duration) (ttl time.Duration, wrong string) {
	ttl, err := time.ParseDuration(text)
	if err != nil || ttl < 0 || ttl > most {
		return 0, ttlWrong(most)
	}
	return ttl, ""
}

// ttlOfSeconds is ttlOf for a JSON number of seconds.
func ttlOfSeconds(number string, most time.Duration) (ttl time.Duration, wrong string) {
	// Compared before it is converted: what is out of range as a Duration overflows.
	s, err := strconv.ParseFloat(number, 64)
	switch {
	case err != nil || s < 0 || s > most.Seconds():
		return 0, ttlWrong(most)
	case s == most.Seconds():
		return most, ""
	}
	return time.Duration(s * float64(time.Second)), ""
}

// isNumber reports whether a text is a JSON number.
func isNumber(text string) bool {
	v := jsontext.Value(text)
	return v.Kind() == '0' && v.IsValid()
}

func ttlWrong(most time.Duration) string {
	return `must be a duration such as "90s" or a number of seconds, from 0 to ` + most.String()
}
