// The smallest server of socket.io that does what is measured: whoever connects is in one room, and what is posted goes there.
//   node socketio_server.js PORT

import { createServer } from 'node:http';
import { Server } from 'socket.io';

const ROOM = 'servers';

const http = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const { event, data } = JSON.parse(Buffer.concat(chunks).toString());
    sockets.to(ROOM).emit(event, data);
    response.writeHead(204).end();
  });
});
const sockets = new Server(http, { transports: ['websocket'], perMessageDeflate: false, serveClient: false });
sockets.on('connection', (socket) => socket.join(ROOM));
http.listen(Number(process.argv[2]), '127.0.0.1');
