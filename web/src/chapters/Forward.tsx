export default function Forward() {
  return <p>Forward</p>;
}
