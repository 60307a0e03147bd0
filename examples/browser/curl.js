// The command line that does what the send form does.

// curl returns a POSIX shell command that posts body to url.
export function curl(url, body) {
  return [`curl ${quote(url)}`, `-H ${quote('Content-Type: application/json')}`, `-d ${quote(body)}`].join(' \\\n  ');
}

// quote makes one shell word of any text: within single quotes nothing is
// special but the single quote, which has to stand outside.
function quote(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
