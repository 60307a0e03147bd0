// Six connections to a server are all that a browser opens over HTTP/1.1; a
// request beyond them waits without an error. Whatever hangs says so.
export const CROWD = 'over HTTP/1.1 a browser opens only six connections to a server, all tabs together';
