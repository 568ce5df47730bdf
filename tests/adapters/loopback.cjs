// Required before the emulator: it would listen on every interface, and has no option for less.
const net = require("node:net");
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...args) {
  const rest = args.filter((arg) => typeof arg === "function");
  const first = args[0];
  const port = typeof first === "object" && first !== null ? first.port : first;
  return listen.call(this, { port: Number(port), host: "127.0.0.1" }, ...rest);
};
