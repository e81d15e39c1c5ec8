// SPDX-License-Identifier: Apache-2.0
// The page that asks for a token, and says of a wrong one which is meant.
import { useLayoutEffect, useRef } from "preact/hooks";
import { signal } from "@preact/signals";
import { fault, logIn, nameOf, notTaken } from "./api.js";

const checking = signal(false);

const JOIN = "This is a join token: machines use it to become spokes. The console takes an administrator's or a ServiceAccount's.";

// What stands between a paste and a token: line breaks, and the word before it.
const trimmed = (text) => text.replace(/^\s*(Authorization:\s*)?Bearer\s+/i, "").replace(/\s+/g, "");

// What can be said of a text without asking the hub; "" is worth asking.
function shapeFault(text) {
  if (/AXLE_TOKEN=|--mode=spoke/.test(text)) return JOIN.replace("This is a", "This is the command with which a machine joins, and in it a");
  if (/^apiVersion:|^-----BEGIN/.test(text)) return "This is a kubeconfig or certificate. The console takes a token.";
  const token = /^axle1\.[0-9a-f]{64}\.[^.]+\.[^.]+$/.test(text) || /^ey[\w-]+\.[\w-]+\.[\w-]+$/.test(text);
  if (token) return "";
  if (/^axle1\./.test(text)) return "This token is cut off: it has four parts, axle1.HASH.ID.SECRET. Copy the whole line.";
  return "This is no token. An administrator's begins with axle1. and a ServiceAccount's with ey.";
}

// Why `text` does not let anybody in here; "" if it does.
async function faultOf(text) {
  const shape = shapeFault(text);
  if (shape) return shape;
  try {
    if (!(await nameOf(text)).startsWith("system:bootstrap:")) return "";
    return JOIN;
  } catch (error) {
    if (/"system:bootstrap:/.test(error.message)) return JOIN;
    if (error.status === 401) return notTaken(error);
    return `${error.message} The token was not looked at: try again${error.wait ? ` in ${error.wait} seconds` : ""}.`;
  }
}

export function LogIn() {
  const input = useRef(null);
  useLayoutEffect(() => input.current?.focus(), []);
  const submit = async (event) => {
    event.preventDefault();
    if (checking.value) return;
    const text = trimmed(input.current.value);
    fault.value = "";
    checking.value = true;
    const why = await faultOf(text);
    checking.value = false;
    if (!why) return logIn(text);
    fault.value = why;
    input.current?.focus();
    input.current?.select();
  };
  return (
    <main>
      <form class="login" onSubmit={submit} aria-busy={checking.value}>
        <h1>Axle</h1>
        <label for="token">Token</label>
        <input id="token" name="token" type="password" autocomplete="off" spellcheck={false} required ref={input}
          aria-invalid={fault.value !== ""} aria-describedby="fault hint" />
        <p class="fault" id="fault" role="alert">{fault.value}</p>
        <p class="quiet" id="hint">Make one on the hub: <code>axle token create --admin</code> for an administrator,
          or <code>kubectl create token NAME -n PROJECT</code> for a ServiceAccount.</p>
        <button class="main" type="submit" aria-disabled={checking.value}>{checking.value ? "Asking the hub…" : "Log in"}</button>
      </form>
    </main>
  );
}
