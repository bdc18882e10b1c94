export default function Parameters() {
  return <p>Parameters</p>;
}
