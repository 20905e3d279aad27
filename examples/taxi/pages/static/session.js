// Who this tab is. The tokens live in sessionStorage, so that they outlive a reload,
// and so that a rider and a driver can be in two tabs of one browser.

const key = "taxi.auth";
let tokens = null;
try { tokens = JSON.parse(sessionStorage.getItem(key)); } catch { /* no storage, or nothing in it */ }

const keep = (next) => {
  tokens = next;
  try {
    if (next) sessionStorage.setItem(key, JSON.stringify(next));
    else sessionStorage.removeItem(key);
  } catch { /* then a reload asks again */ }
};

const claims = (token) => {
  const bytes = Uint8Array.from(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
};

// Refused is an answer that says no, with the server's words for it.
export class Refused extends Error {
  constructor(status, problem) {
    super(problem?.message ?? "The server did not answer as it should.");
    this.status = status;
    this.fields = problem?.fields ?? {};
  }
}

const call = async (method, path, body, token) => {
  const headers = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body && !(body instanceof FormData)) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(body);
  }
  const answer = await fetch(path, { method, headers, body });
  const value = await answer.json().catch(() => null);
  if (!answer.ok) throw new Refused(answer.status, value?.error);
  return value;
};

export const me = () => tokens && claims(tokens.access);

export const logIn = async (username, password) => {
  keep(await call("POST", "/api/log_in/", { username, password }));
  return me();
};

export const signUp = (form) => call("POST", "/api/sign_up/", form);

export const demo = () => call("GET", "/api/demo/");

// leave goes back to the door, and says why there.
export const leave = (why = "") => {
  keep(null);
  location.replace(why ? `/#${why}` : "/");
};

export const logOut = async () => {
  try { await call("POST", "/api/log_out/", {}, await access()); } catch { /* the tokens are forgotten all the same */ }
  leave();
};

// access returns a token that is good for a while. If the session is over, the page
// is left; if the server is away, it fails.
let renewing = null;
export const access = (fresh = false) => {
  if (!tokens) { leave("ended"); return Promise.reject(new Error("logged out")); }
  if (!fresh && claims(tokens.access).exp * 1000 > Date.now() + 10000) return Promise.resolve(tokens.access);
  renewing ??= call("POST", "/api/token/refresh/", { refresh: tokens.refresh })
    .then((next) => { keep({ ...tokens, ...next }); return tokens.access; })
    .catch((err) => { if (err.status === 401) leave("ended"); throw err; })
    .finally(() => { renewing = null; });
  return renewing;
};

// get fetches something that is for this user alone.
export const get = async (path) => {
  try {
    return await call("GET", path, undefined, await access());
  } catch (err) {
    if (err.status !== 401) throw err;
    return call("GET", path, undefined, await access(true));
  }
};
